# Shared by all parts. Functions that answer put the answer into REPLY: a subshell costs a process each time.

# A test puts its own trees here.
: "${SYS:=/sys}" "${PROC:=/proc}" "${DEV:=/dev}" "${STATE:=/run/baremetal}" "${PARTS:=/lib/baremetal}"
LOG=$STATE/log
TAB=$(printf '\t')
read -r COMMAND_LINE < "$PROC/cmdline"

# The consoles on which a person or a test may look: the kernel's own, and the usual serial line and screen.
open_consoles() {
  CONSOLES=
  read -r active < "$SYS/class/tty/console/active"
  for tty in ${active:-tty0} ttyS0 tty0; do
    case " $CONSOLES " in *" $DEV/$tty "*) continue ;; esac
    [ -c "$DEV/$tty" ] || continue
    case " $active " in *" $tty "*) ;; *) [ "$tty" = ttyS0 ] && stty -F "$DEV/$tty" 115200 2>/dev/null ;; esac
    CONSOLES="$CONSOLES $DEV/$tty"
  done
  export CONSOLES
}

# say WORD [TEXT]: one line for people, and a marker for tests: "BAREMETAL up @3.21", seconds since the kernel started.
say() {
  read -r seconds rest < "$PROC/uptime"
  echo "BAREMETAL $* @$seconds" >> "$LOG"
  for tty in $CONSOLES; do echo "BAREMETAL $* @$seconds" > "$tty"; done 2>/dev/null
}

# seconds: whole seconds since the kernel started.
seconds() {
  read -r REPLY rest < "$PROC/uptime"
  REPLY=${REPLY%%.*}
}

# argument NAME [DEFAULT]: the last NAME=value of the kernel's command line. Nothing of it is ever evaluated.
argument() {
  REPLY=${2-}
  set -f
  for word in $COMMAND_LINE; do
    case $word in "$1="*) REPLY=${word#*=} ;; esac
  done
  set +f
}

# get FILE: its first line without blanks around it; empty if there is none.
get() {
  REPLY=
  [ -r "$1" ] && read -r REPLY < "$1" 2>/dev/null
  [ -n "$REPLY" ]
}

# decode TEXT: undo percent-encoding.
decode() {
  REPLY=$(printf '%b' "$(printf %s "$1" | sed 's/\\/\\\\/g; s/%\([0-9A-Fa-f][0-9A-Fa-f]\)/\\x\1/g')")
}

# console_shell: a shell on the console for whoever looks for the fault, and another when that is left.
console_shell() {
  while :; do setsid cttyhack sh </dev/console >/dev/console 2>&1; sleep 1; done
}

load_modules() {
  while read -r path; do insmod "/$path" 2>>"$LOG"; done < /lib/modules/order
  [ -e /lib/modules/by-hardware ] && load_by_hardware
}

# Each driver may bring to light a bus with more hardware: again, until nothing new is loaded.
load_by_hardware() {
  before=-1
  for turn in 1 2 3 4 5; do
    now=$(wc -l < /proc/modules)
    [ "$now" = "$before" ] && return
    before=$now
    find /sys/devices -name modalias -exec cat {} + 2>/dev/null | sort -u | tr '\n' '\000' \
      | xargs -0 -r modprobe -a -q 2>>"$LOG"
    sleep 0.5
  done
}
