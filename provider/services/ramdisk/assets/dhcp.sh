#!/bin/busybox sh
# Called by udhcpc. Only the first lease sets the address: a disk that is exported cannot move to another one.
: "${STATE:=/run/baremetal}"
case $1 in bound | renew) ;; *) exit 0 ;; esac
[ -e "$STATE/lease" ] && exit 0
ifconfig "$interface" "$ip" netmask "${subnet:-255.255.255.0}"
for gateway in $router; do ip route add default via "$gateway" && break; done
echo "$ip $siaddr" > "$STATE/lease.new"
mv "$STATE/lease.new" "$STATE/lease"
