# A door for whoever mends what is on the disks: an SSH server that knows one key and no password. Nothing is exported,
# mounted or written.

mode_rescue() {
  argument rescue_key; decode "$REPLY"; AUTHORIZED=$REPLY
  [ -n "$AUTHORIZED" ] || { fail "the kernel command line has no rescue_key"; return 1; }
  command -v dropbear > /dev/null || { fail "this ramdisk has no SSH server: it was not built for a rescue"; return 1; }
  open_door || { fail "$WHY"; return 1; }
  # What is there is told with the call.
  seconds; wait_for_disks $((REPLY + 30))
  list_disks
  say rescue "$ADDRESS"
  # From this word on whoever has the key may come, and nobody is told any more.
  announce_until rescue
  while ! heard 3600 || [ "$word" != done ]; do :; done
  say done
  close_door
  poweroff -f
}

# host_key: new in each boot. Leaves its public part in $STATE/host-key.
host_key() {
  dropbearkey -t ed25519 -f "$STATE/host" | grep '^ssh-ed25519 ' | cut -d ' ' -f 1,2 > "$STATE/host-key"
  [ -s "$STATE/host-key" ]
}

# open_door: or sets WHY.
open_door() {
  mkdir -p /etc/dropbear /root/.ssh
  echo 'root:x:0:0:root:/root:/bin/sh' > /etc/passwd
  echo 'root:x:0:' > /etc/group
  # What mount tries where no type is given: it knows of no driver that is not loaded yet.
  printf '%s\n' ext4 xfs btrfs vfat > /etc/filesystems
  printf '%s\n' "$AUTHORIZED" > /root/.ssh/authorized_keys
  chmod -R go= /root/.ssh
  mkdir -p "$DEV/pts"
  mount -t devpts devpts "$DEV/pts"
  host_key || { WHY="the SSH server's host key could not be made"; return 1; }
  # -s, -g: by key alone; -j, -k: nothing of the network is forwarded.
  dropbear -r "$STATE/host" -s -g -j -k -p 22 || { WHY="the SSH server did not start"; return 1; }
}

# close_door: who is still in is thrown out, and what was written to a file system that is mounted is on its disk.
close_door() {
  killall dropbear
  sync
  for place in $(awk '$1 ~ "^/dev/" { print $2 }' "$PROC/mounts" | sort -r); do
    umount "$place" || mount -o remount,ro "$place"
  done
  sync
}
