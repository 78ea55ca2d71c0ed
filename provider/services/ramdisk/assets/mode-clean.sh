# A disk is handed back: what `clean_disks` names, and nothing else, is erased in the way that `clean` says.
. "$PARTS/wipe.sh"
. "$PARTS/variables.sh"
. "$PARTS/secure.sh"

mode_clean() {
  argument clean; METHOD=$REPLY
  case $METHOD in metadata | discard | full | secure) ;; *) fail "this ramdisk does not know how to clean by $METHOD"; return 1 ;; esac
  await_wanted
  [ "$METHOD" = secure ] && tell_means
  # Nothing is erased before the helper has looked at what there is.
  announce_until clean
  # The word may bring the password for drives that take one.
  DRIVE_PASSWORD=${word#clean}; DRIVE_PASSWORD=${DRIVE_PASSWORD# }
  # In a process of its own, so that the helper is told meanwhile how far it is.
  wipe_all &
  announce_while $!
  if [ ! -s "$STATE/cleaned" ]; then
    get "$STATE/why" || REPLY='what erases ended without a word'
    fail "$REPLY"; return 1
  fi
  # The system is gone; the firmware need not look for it.
  [ "$FIRMWARE" = uefi ] && { open_variables && forget_entries || say warning "$WHY"; }
  say cleaned "$(wc -l < "$STATE/cleaned") disks"
  announce_until done
  poweroff -f
}

# each_wanted DO: call it with name and identity of each disk of `clean_disks`; ends with the first that fails.
each_wanted() {
  argument clean_disks
  set -f; IFS=';'; set -- "$1" $REPLY; unset IFS; set +f
  act=$1; shift
  for encoded in "$@"; do
    decode "$encoded"; identity=$REPLY
    wanted_name "$identity" || return
    "$act" "$REPLY" "$identity" || return
  done
}

# await_wanted: until all are there, or for 30 s: what is missing the helper says.
await_wanted() {
  seconds; end=$((REPLY + 30))
  while :; do
    wait_for_disks "$end"
    list_disks
    each_wanted : && return
    seconds; [ "$REPLY" -ge "$end" ] && return
    sleep 1
  done
}

refuse_shared() {
  shared_with "$1"
  [ -z "$REPLY" ] && return
  WHY="disk $2 is never erased: it holds $REPLY, which other servers may be using"
  return 1
}

wipe_one() {
  wipe "$1" "$2" "$METHOD"
}

# wipe_all: looks at every disk before it touches the first. Leaves $STATE/cleaned, or the reason in $STATE/why.
wipe_all() {
  : > "$STATE/cleaned.new"
  if each_wanted refuse_shared && each_wanted wipe_one; then mv "$STATE/cleaned.new" "$STATE/cleaned"
  else echo "$WHY" > "$STATE/why"
  fi
}
