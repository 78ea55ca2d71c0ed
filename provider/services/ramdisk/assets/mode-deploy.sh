# One deployment, told from the server's side: the disk that is meant is exported until the helper has written it.
. "$PARTS/zeros.sh"
. "$PARTS/target.sh"
. "$PARTS/grow.sh"

# Nobody writes any more.
take_back() {
  unexport
}

# What is written may be smaller than the disk.
obey() {
  case $1 in "grow "*) grow "${1#grow }" ;; *) return 1 ;; esac
}

mode_deploy() {
  argument iscsi_target_iqn
  [ -n "$REPLY" ] || { fail "the kernel command line has no iscsi_target_iqn"; return 1; }
  IQN=$(printf %s "$REPLY:${BOOT_ID%%-*}" | tr A-Z a-z)
  find_disk || { fail "$WHY"; return 1; }
  say disk "$CHOSEN"
  prove_zeros
  export_disk || { fail "$WHY"; return 1; }
  say target "$IQN"
  announce_until done
  finish
}
