#!/bin/busybox sh
# Called by udhcpc.
[ "$1" = bound ] || exit 0
ifconfig "$interface" "$ip" netmask "$subnet"
[ -n "$router" ] && route add default gw "${router%% *}"
[ -n "$hostname" ] && hostname "$hostname"
echo "$ip" >/run/address
