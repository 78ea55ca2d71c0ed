# One deployment, told from the server's side: the disk that is meant is exported until the helper has written it.
. "$PARTS/zeros.sh"
. "$PARTS/target.sh"
. "$PARTS/grow.sh"
. "$PARTS/hooks.sh"
. "$PARTS/variables.sh"
. "$PARTS/boot-entry.sh"

# Nobody writes any more.
take_back() {
  unexport
}

# What is written may be smaller than the disk, a site may have something to add, and the firmware a list of what it starts.
obey() {
  case $1 in "grow "*) grow "${1#grow }" ;; hooks) run_last_hooks ;; boot-entry) set_boot_entry ;; *) return 1 ;; esac
}

mode_deploy() {
  argument iscsi_target_iqn
  [ -n "$REPLY" ] || { fail "the kernel command line has no iscsi_target_iqn"; return 1; }
  IQN=$(printf %s "$REPLY:${BOOT_ID%%-*}" | tr A-Z a-z)
  run_hooks before-disk || { fail "$WHY"; return 1; }
  find_disk || { fail "$WHY"; return 1; }
  say disk "$CHOSEN"
  prove_zeros
  export_disk || { fail "$WHY"; return 1; }
  say target "$IQN"
  announce_until done
  finish
}
