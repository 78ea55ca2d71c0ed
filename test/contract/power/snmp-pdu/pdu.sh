#!/bin/sh
# A PDU with a folder behind it, for pass_persist of snmpd.conf(5): `pdu.sh FOLDER`. What is wrong with it stands in FOLDER/fault.
cd "$1" || exit 1
control=.1.3.6.1.4.1.1718.3.2.3.1.11.1.1.
status=.1.3.6.1.4.1.1718.3.2.3.1.5.1.1.
note() { echo "$(date +%s%3N) $1 $2" >>calls; }
reply() { printf '%s\n%s\n%s\n' "$@"; }
while read -r word; do
  case $word in
    PING) echo PONG; continue ;;
    "") continue ;;
  esac
  read -r oid
  outlet=${oid##*.}
  [ "$word" = set ] && read -r value
  while read -r fault <fault && [ "$fault" = hangs ]; do sleep 0.1; done
  case "$word $oid" in
    "get $control"*) reply "$oid" integer 0 ;;
    "get $status"*)
      [ -f "outlet-$outlet" ] || { echo NONE; continue; }
      read -r state <"outlet-$outlet"
      note look "$outlet"
      case $fault in
        busy) reply "$oid" integer 7 ;;
        garbles) reply "$oid" string E_GARBLED ;;
        *) reply "$oid" integer "$state" ;;
      esac ;;
    "set $control"*)
      [ -f "outlet-$outlet" ] || { echo not-writable; continue; }
      case "$fault $value" in
        busy*) echo inconsistent-value; continue ;;
        *"integer 1") to=1; order=on ;;
        *"integer 2") to=0; order=off ;;
        *) echo wrong-value; continue ;;
      esac
      note $order "$outlet"
      case $fault in
        lies) ;;
        slow) setsid sh -c "sleep 1; echo $to >outlet-$outlet" >/dev/null 2>&1 & ;;
        *) echo $to >"outlet-$outlet" ;;
      esac
      echo DONE ;;
    *) echo NONE ;;
  esac
done
