#!/bin/busybox sh
# First process of a test system: finds the root file system that `root=` names and goes over to it.
export PATH=/bin
# With its full path until /proc is there: busybox's shell starts its own programs through /proc/self/exe.
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox --install -s /bin 2>/dev/null
# Whatever console the kernel was given: the lab reads the serial line.
serial=ttyS0
[ -c /dev/ttyAMA0 ] && serial=ttyAMA0
exec </dev/null >/dev/$serial 2>&1
echo "system: initramfs up $(cut -d' ' -f1 /proc/uptime) by $(cat /proc/cmdline)"

while read -r module; do insmod "/$module" 2>/dev/null; done </lib/modules/order
root=
for word in $(cat /proc/cmdline); do case $word in root=*) root=${word#root=} ;; esac; done

tries=0
while [ $tries -lt 60 ]; do
  case $root in
    UUID=* | LABEL=*) device=$(findfs "$root" 2>/dev/null) ;;
    *) device=$root ;;
  esac
  [ -b "$device" ] && mount -t ext4 "$device" /mnt && break
  tries=$((tries + 1))
  sleep 0.2
done
echo "system: root $root is ${device:-not there}"
umount /sys /proc
exec switch_root /mnt /sbin/init
