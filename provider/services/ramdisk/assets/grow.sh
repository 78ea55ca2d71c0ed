# The root file system, made as large as its partition: what the helper asks for between its write and its last word.

# What is told of it, the field `w`: `able`; then `grown BYTES`, `left REASON` (it is whole, and as it was) or `damaged REASON`.
GROWTH=able

# grow START: the file system of the partition that begins at this byte. No writer has the disk any more.
grow() {
  say growing "$CHOSEN from byte $1"
  unexport
  settle
  read_table || { left "the kernel does not take the new partition table of $CHOSEN"; return; }
  partition_at "$1" || { left "$CHOSEN has no partition at byte $1"; return; }
  device=$DEV/$REPLY
  signature "$device"
  case $REPLY in
    ext[234] | ext[234]\ *) grow_ext "$device" ;;
    xfs | xfs\ *) grow_xfs "$device" ;;
    *) left "this ramdisk grows ext2, ext3, ext4 and xfs, not ${REPLY:-an unknown file system}" ;;
  esac
  sync
  say grow "$GROWTH"
}

left() {
  plain "$1"
  GROWTH="left $REPLY"
}

# read_table: what was read of the disk before it was written is forgotten first.
read_table() {
  for turn in $(seq 20); do
    blockdev --flushbufs "$DEV/$CHOSEN" 2>> "$LOG" && blockdev --rereadpt "$DEV/$CHOSEN" 2>> "$LOG" && return
    sleep 0.25
  done
  return 1
}

# partition_at BYTE: its name.
partition_at() {
  for part in "$SYS/block/$CHOSEN/$CHOSEN"*; do
    get "$part/start" || continue
    [ "$((REPLY * 512))" = "$1" ] && { REPLY=${part##*/}; return; }
  done
  return 1
}

# last_words FILE: why a program gave up.
last_words() {
  plain "$(grep -v '^$' "$1" | tail -n 3 | head -c 300)"
}

# grow_ext DEVICE: ext2, ext3 or ext4, which is not mounted.
grow_ext() {
  e2fsck -f -p "$1" > "$STATE/fsck" 2>&1; code=$?
  cat "$STATE/fsck" >> "$LOG"
  last_words "$STATE/fsck"
  # 1 and 2: mended. 4: damage that it does not mend alone. Above: it could not look, say at features it does not know.
  [ $((code & 4)) = 0 ] || { GROWTH="damaged $REPLY"; return; }
  [ "$code" -lt 4 ] || { left "$REPLY"; return; }
  # Without it inode tables are zeroed now, gigabytes on a large disk; the system's kernel does that in the background.
  RESIZE2FS_FORCE_LAZY_ITABLE_INIT=1 resize2fs "$1" > "$STATE/resize" 2>&1; code=$?
  cat "$STATE/resize" >> "$LOG"
  size=$(sed -n 's/.* is \(now\|already\) \([0-9]*\) (\([0-9]*\)k) blocks long.*/\2 \3/p' "$STATE/resize")
  if [ "$code" = 0 ] && [ -n "$size" ]; then
    GROWTH="grown $((${size% *} * ${size#* } * 1024))"
    return
  fi
  last_words "$STATE/resize"; why=$REPLY
  if e2fsck -f -n "$1" >> "$LOG" 2>&1; then left "$why"; else GROWTH="damaged $why"; fi
}

# grow_xfs DEVICE: only a mounted one can be grown; each of its changes is a transaction, so a failure leaves it whole.
grow_xfs() {
  [ -x /usr/bin/xfs_growfs ] || { left "this ramdisk has no program that grows xfs"; return; }
  if ! mount -t xfs -o nouuid "$1" /mnt 2> "$STATE/resize"; then
    cat "$STATE/resize" >> "$LOG"
    last_words "$STATE/resize"
    # "Structure needs cleaning", EUCLEAN: what the kernel says of one that is damaged.
    case $REPLY in *'needs cleaning'*) GROWTH="damaged $REPLY" ;; *) left "$REPLY" ;; esac
    return
  fi
  xfs_growfs -d /mnt > "$STATE/resize" 2>&1; code=$?
  cat "$STATE/resize" >> "$LOG"
  umount /mnt || { left "it could not be unmounted"; return; }
  last_words "$STATE/resize"
  [ "$code" = 0 ] || { left "$REPLY"; return; }
  bsize=$(sed -n 's/^data .* bsize=\([0-9]*\) .*/\1/p' "$STATE/resize")
  blocks=$(sed -n 's/^data .* blocks=\([0-9]*\),.*/\1/p; s/^data blocks changed from [0-9]* to \([0-9]*\).*/\1/p' "$STATE/resize" | tail -n 1)
  GROWTH="grown $((bsize * blocks))"
}
