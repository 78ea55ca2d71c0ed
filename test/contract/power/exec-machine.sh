#!/bin/sh
# A machine that is a folder: `exec-machine.sh FOLDER (on|off|soft|state|boot)`. What is wrong with it stands in FOLDER/fault.
cd "$1" || exit 69
order=$2
echo "$(date +%s%3N) $order $BAREMETAL_BOOT_DEVICE $BAREMETAL_BOOT_PERSISTENT $BAREMETAL_BOOT_MODE" >>calls
[ "$BAREMETAL_ADDRESS" = right ] || { echo "there is no $BAREMETAL_ADDRESS" >&2; exit 69; }
echo login >>logins
[ "$PASSWORD" = "$(cat password)" ] || { echo "the password $PASSWORD is wrong" >&2; exit 77; }
fault=$(cat fault)
case $fault in
  hangs) sleep 31415 ;;
  busy) echo "come back later" >&2; exit 75 ;;
  garbles) echo "E_GARBLED $PASSWORD"; exit 0 ;;
esac
case $order in
  state) cat state ;;
  on | off)
    case $fault in
      lies) ;;
      slow) setsid sh -c "sleep 1; echo $order >state" >/dev/null 2>&1 & ;;
      *) echo "$order" >state ;;
    esac ;;
  soft) [ "$fault" = deaf ] || echo off >state ;;
esac
