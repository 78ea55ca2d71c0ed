#!/bin/sh
# What a site's pdu_mgr may look like, with a folder behind it: `pdu-mgr.sh ADDRESS MODE`. The folder and the password come by the
# environment; what is wrong with it stands in FOLDER/fault. Nobody has Tilera's own: unverified.
cd "$PDU_FOLDER" || exit 70
mode=$2
echo "$(date +%s%3N) $mode" >>calls
[ "$1" = absent ] && { echo "no route to $1" >&2; exit 69; }
echo login >>logins
[ "$PDU_PASSWORD" = "$(cat password)" ] || { echo "the password $PDU_PASSWORD is wrong" >&2; exit 77; }
fault=$(cat fault)
case $fault in
  hangs) sleep 31415 ;;
  busy) echo "come back later" >&2; exit 75 ;;
  garbles) echo "E_GARBLED $PDU_PASSWORD"; exit 0 ;;
esac
case $mode in
  9) cat state ;;
  1 | 2)
    case $fault in
      lies) ;;
      slow) setsid sh -c "sleep 1; echo $mode >state" >/dev/null 2>&1 & ;;
      *) echo "$mode" >state ;;
    esac ;;
  *) echo "no mode $mode" >&2; exit 64 ;;
esac
