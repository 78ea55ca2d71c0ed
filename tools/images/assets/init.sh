#!/bin/busybox sh
# First process of a test system, on its own root file system: takes an address, the one that the volume `cidata` tells or one that DHCP
# gives, and answers on port 22.
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev 2>/dev/null
/bin/busybox mount -t tmpfs -o mode=755 run /run
export PATH=/run/bin
/bin/busybox mkdir /run/bin
/bin/busybox --install -s /run/bin
serial=ttyS0
[ -c /dev/ttyAMA0 ] && serial=ttyAMA0
exec </dev/null >/dev/$serial 2>&1

NAME=$(cat /etc/name)
hostname unnamed
echo "system: $NAME up $(cut -d' ' -f1 /proc/uptime) serial $(cat /sys/class/dmi/id/product_serial)"

# A swap area says so at the end of its first page.
for path in /sys/class/block/*; do
  device=/dev/${path##*/}
  [ "$(dd if="$device" bs=1 skip=4086 count=10 2>/dev/null)" = SWAPSPACE2 ] || continue
  swapon "$device" && echo "system: $NAME swap $device"
done

# cloud-init's network configuration, in clear and in one piece.
told=$(for path in /sys/class/block/*; do
  [ "$(cat "$path/size")" != 2048 ] || strings "/dev/${path##*/}"
done | sed -n 's/^ *- "\([0-9.]*\/[0-9]*\)"$/\1/p')
ip link set lo up
for path in /sys/class/net/*; do
  card=${path##*/}
  [ "$card" = lo ] && continue
  ip link set "$card" up
  if [ -n "$told" ]; then
    ip addr add "$told" dev "$card"
    echo "${told%/*}" >/run/address
    break
  fi
  udhcpc -i "$card" -n -q -t 10 -T 2 -s /etc/dhcp.sh >/dev/null 2>&1
done
nc -ll -p 22 -e /etc/banner.sh &
echo "system: $NAME answers at $(cat /run/address 2>/dev/null) up $(cut -d' ' -f1 /proc/uptime)"
/etc/phone.sh &
# Orphans come to the first process, which has to stay for ever.
while :; do wait; sleep 3600; done
