# The chosen disk as an iSCSI target: the kernel's own (LIO), set up through configfs.

core=$SYS/kernel/config/target/core/iblock_0
backstore=$core/disk

# export_disk: with a name that is new in each boot, so that a writer of an older one cannot reach it. Or sets WHY.
export_disk() {
  group=$SYS/kernel/config/target/iscsi/$IQN/tpgt_1
  mkdir -p "$backstore" \
    && echo "udev_path=$DEV/$CHOSEN" > "$backstore/control" \
    && echo "$BOOT_ID" > "$backstore/wwn/vpd_unit_serial" \
    && echo 1 > "$backstore/enable" \
    && mkdir -p "$group/np/$ADDRESS:3260" "$group/lun/lun_1" \
    && ln -s "$backstore" "$group/lun/lun_1/disk" \
    && echo 0 > "$group/attrib/authentication" \
    && echo 0 > "$group/attrib/demo_mode_write_protect" \
    && echo 1 > "$group/attrib/generate_node_acls" \
    && echo 1 > "$group/attrib/cache_dynamic_acls" \
    && echo 1 > "$group/enable" && return
  WHY="the kernel did not export $CHOSEN as an iSCSI target: $(dmesg | tail -n 3 | tr '\n' ' ')"
  return 1
}

# unexport: no new session, the old ones ended, every command in flight done.
unexport() {
  [ -d "$group" ] || return
  echo 0 > "$group/enable"
  rm -f "$group/lun/lun_1/disk"
  rmdir "$group/lun/lun_1" "$group/np/$ADDRESS:3260" "$group" "${group%/*}" "$backstore" "$core"
}

# settle: wait until the disk has nothing to do; up to 30 s.
settle() {
  for turn in $(seq 60); do
    read -r reads writes < "$SYS/block/$CHOSEN/inflight"
    [ "$reads $writes" = "0 0" ] && return
    sleep 0.5
  done
  say warning "$CHOSEN still has $reads reads and $writes writes in flight"
}

# finish: what was written is on the disk, not in its cache; then a clean reboot.
finish() {
  unexport
  settle
  sync
  # conv=fsync makes the kernel send the disk a flush of its own cache, also when nothing is dirty here.
  dd if=/dev/null of="$DEV/$CHOSEN" conv=notrunc,fsync || say warning "the flush of $CHOSEN failed"
  blockdev --flushbufs "$DEV/$CHOSEN"
  say done
  echo 1 > "$PROC/sys/kernel/sysrq"
  # A driver may hang while it is shut down: then the short way, everything is on the disk already.
  (sleep 15; echo b > "$PROC/sysrq-trigger") &
  reboot -f
  sleep 20
  echo b > "$PROC/sysrq-trigger"
}
