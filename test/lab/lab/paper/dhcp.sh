#!/bin/sh
# Called by udhcpc: takes the address, and notes what the firmware would remember.
[ "$1" = bound ] || exit 0
ip addr flush dev "$interface"
ip addr add "$ip/$mask" dev "$interface"
[ -n "$router" ] && ip route replace default via "${router%% *}"
echo "$ip ${siaddr:-$serverid} ${boot_file:--} $subnet ${hostname:--}" >lease
exit 0
