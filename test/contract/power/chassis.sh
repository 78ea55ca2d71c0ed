#!/bin/sh
# The machine behind an ipmi_sim: called as `chassis.sh FOLDER 0x20 get|set WORDS…`.
# FOLDER/power and FOLDER/boot are the machine; FOLDER/fault spoils it; FOLDER/calls says what arrived when (ms).
cd "$1" || exit 1
shift 2
echo "$(date +%s%3N) $*" >>calls
read -r fault seconds <fault

# A controller that hangs comes back when the fault is taken away; ipmi_sim serves nobody meanwhile.
while [ "$fault" = hangs ]; do
  sleep 0.1
  read -r fault seconds <fault
done
[ "$fault" = fails ] && exit 1

put() {
  case $fault in
    lies) ;;
    # Answered at once, done later, as real controllers do.
    slow) (sleep "$seconds" && echo "$1" >power) </dev/null >/dev/null 2>&1 & ;;
    *) echo "$1" >power ;;
  esac
}

verb=$1
shift
if [ "$verb" = get ]; then
  for word in "$@"; do
    case $word in
      power) echo "power:$(cat power)" ;;
      boot) echo "boot:$(cat boot)" ;;
    esac
  done
  exit 0
fi
while [ $# -ge 2 ]; do
  case $1 in
    power) put "$2" ;;
    boot) echo "$2" >boot ;;
    # The operating system hears the button, unless it is deaf.
    shutdown) [ "$fault" = deaf ] || put 0 ;;
  esac
  shift 2
done
