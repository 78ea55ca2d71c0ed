#!/bin/busybox sh
# The first process of the deploy ramdisk: mounts what every program expects, loads the drivers, runs main.sh and
# outlives it, because the kernel panics when its first process ends.
export PATH=/usr/bin:/usr/sbin:/bin:/sbin LC_ALL=C HOME=/root

# With its full path until /proc is there: busybox's shell starts its own programs through /proc/self/exe.
/bin/busybox mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/baremetal
/bin/busybox --install -s /bin 2>/dev/null

. /lib/baremetal/common.sh
open_consoles
say up
load_modules
mount -t configfs none /sys/kernel/config 2>>"$LOG"
say modules "$(wc -l < /proc/modules)"

/bin/busybox sh /lib/baremetal/main.sh >>"$LOG" 2>&1
say ended "main.sh ended with code $?; switch the server off"

argument troubleshoot
[ "$REPLY" = 1 ] && console_shell
while :; do sleep 3600; done
