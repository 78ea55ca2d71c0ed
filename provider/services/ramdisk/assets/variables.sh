# The firmware's own list of what it starts, its variables Boot#### and BootOrder (UEFI specification 2.10, section 3.1).
# Entries of ours are known by their name: no other is changed or removed.

: "${VARIABLES:=$SYS/firmware/efi/efivars}"
global=8be4df61-93ca-11d2-aa0d-00e098032b8c
# "pulumi-baremetal" and its end, in UCS-2.
our_name=700075006c0075006d0069002d0062006100720065006d006500740061006c000000

# hex_of FILE: all its bytes, two digits each.
hex_of() {
  REPLY=$(od -An -v -tx1 "$1" 2>>"$LOG" | tr -d ' \n')
}

# number HEX: bytes, the lowest first, as a number; and back.
number() {
  left=$1 REPLY=
  while [ -n "$left" ]; do REPLY=${left:0:2}$REPLY; left=${left:2}; done
  REPLY=$((0x0$REPLY))
}

bytes() {
  REPLY= left=$1
  for turn in $(seq "$2"); do REPLY=$REPLY$(printf %02x $((left & 255))); left=$((left >> 8)); done
}

# ucs2 TEXT: printable ASCII, with its end.
ucs2() {
  REPLY=$(printf %s "$1" | od -An -v -tx1 | tr -d '\n' | sed 's/ \(..\)/\100/g')0000
}

# write_variable NAME HEX: kept over reboots, 7 = non-volatile, at boot time and at run time. The kernel wants it in one piece.
write_variable() {
  printf "$(echo "07000000$2" | sed 's/../\\x&/g')" > "$STATE/variable" \
    && /usr/bin/dd if="$STATE/variable" of="$VARIABLES/$1-$global" bs=64k status=none 2>>"$LOG" && return
  WHY="the firmware did not take its variable $1"
  return 1
}

# open_variables: or sets WHY.
open_variables() {
  [ -e "$VARIABLES/BootOrder-$global" ] || mount -t efivarfs efivarfs "$VARIABLES" 2>>"$LOG"
  ls "$VARIABLES"/*-"$global" > /dev/null 2>&1 && return
  WHY='the kernel does not show the variables of the firmware'
  return 1
}

# our_entries: the numbers of ours, four digits each. A variable is four bytes of attributes, then an entry as UEFI has it:
# attributes (4), length of the path (2), name.
our_entries() {
  found=
  for variable in "$VARIABLES"/Boot[0-9A-F][0-9A-F][0-9A-F][0-9A-F]-"$global"; do
    hex_of "$variable"
    case ${REPLY:20} in "$our_name"*) variable=${variable##*/Boot}; found="$found ${variable%%-*}" ;; esac
  done
  REPLY=$found
}

# order_without NUMBER..: BootOrder without the entries named, two bytes each.
order_without() {
  hex_of "$VARIABLES/BootOrder-$global"; all=${REPLY:8}
  kept=
  while [ -n "$all" ]; do
    case " $* " in *" $(echo "${all:2:2}${all:0:2}" | tr a-f A-F) "*) ;; *) kept=$kept${all:0:4} ;; esac
    all=${all:4}
  done
  REPLY=$kept
}

# forget_entries: those of ours. From the order first: one that names what is not there makes some firmware mend it.
forget_entries() {
  our_entries; ours=$REPLY
  [ -n "$ours" ] || return 0
  order_without $ours
  write_variable BootOrder "$REPLY" || return
  for one in $ours; do rm -f "$VARIABLES/Boot$one-$global"; done
}
