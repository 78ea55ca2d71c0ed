# Erasing a disk. Everything goes by the disk itself, by offsets: device nodes of partitions come late, or not at all.

edge=4194304
mebibyte=1048576

# wanted_name IDENTITY: the kernel name of the one fit disk that calls itself so; or sets WHY.
wanted_name() {
  REPLY=$(WANTED=$1 awk -F "$TAB" '
    {
      split("", value)
      for (i = 1; i <= NF; i++) { at = index($i, "="); value[substr($i, 1, at - 1)] = substr($i, at + 1) }
      want = ENVIRON["WANTED"]
      if (value["wwn"] != want && value["serial"] != want && value["byId"] != want) next
      if (value["unfit"] == "") { fit++; name = value["name"] } else if (value["unfit"] != "second path") why = value["unfit"]
    }
    END {
      if (why != "") print "- disk " want " is never erased: " why
      else if (fit == 1) print name
      else if (fit > 1) print "- " fit " disks call themselves " want
      else print "- no disk calls itself " want
    }' "$STATE/disks")
  case $REPLY in "- "*) WHY=${REPLY#- }; return 1 ;; esac
}

# shared_with NAME: the cluster's file system that it holds, whose other servers go on using it; empty if there is none.
shared_with() {
  for part in "$DEV/$1" "$SYS/block/$1/$1"*; do
    case $part in "$SYS"/*) [ -e "$part/partition" ] || continue; part=$DEV/${part##*/} ;; esac
    # Asked for these alone: of several signatures on one device blkid tells none.
    REPLY=$(timeout 20 blkid -p -n gfs,gfs2,ocfs,ocfs2,VMFS,VMFS_volume_member -o value -s TYPE "$part" 2>>"$LOG")
    case $? in 0 | 2) ;; 8) REPLY="several clusters' file systems" ;; *) REPLY='what cannot be read' ;; esac
    [ -n "$REPLY" ] && return
  done
  # Of these blkid knows no file system: types of GPT partitions, as their sixteen bytes lie in the table or its copy.
  size_of "$1"
  for start in 0 $((REPLY > 65536 ? REPLY - 65536 : 0)); do
    types=$(/usr/bin/dd if="$DEV/$1" iflag=skip_bytes,count_bytes skip="$start" count=65536 status=none | od -An -v -tx1 | tr -d ' \n')
    case $types in
      *90fcaf377def964e91c32d7ae055b174*) REPLY=gpfs; return ;;
      *2ae031aa0f40db119590000c2911d1b8*) REPLY=vmfs; return ;;
    esac
  done
  REPLY=
}

# zero NAME START COUNT: overwrite so many bytes, and have them on the disk.
zero() {
  [ "$3" -gt 0 ] || return 0
  /usr/bin/dd if=/dev/zero of="$DEV/$1" bs=1M iflag=count_bytes,fullblock oflag=seek_bytes seek="$2" count="$3" \
    conv=notrunc,fsync status=none && return
  WHY="$1 did not take zeros at byte $2"
  return 1
}

# zero_ends NAME START SIZE: of the disk, or of a part of it.
zero_ends() {
  if [ "$3" -le $((2 * edge)) ]; then zero "$1" "$2" "$3"
  else zero "$1" "$2" "$edge" && zero "$1" $(($2 + $3 - edge)) "$edge"
  fi
}

# wipe_metadata NAME: what tells what is on it: signatures of its partitions, then both copies of its table.
wipe_metadata() {
  size_of "$1"; size=$REPLY
  for part in "$SYS/block/$1/$1"*; do
    get "$part/partition" || continue
    get "$part/start"; start=$((REPLY * 512))
    get "$part/size"; zero_ends "$1" "$start" $((REPLY * 512)) || return
  done
  zero_ends "$1" 0 "$size" || return
  blockdev --rereadpt "$DEV/$1" 2>>"$LOG"
  return 0
}

# wipe_discard NAME: the drive is told that it holds nothing, a piece at a time, so that one sees it move.
wipe_discard() {
  get "$SYS/block/$1/queue/discard_max_bytes"
  [ "${REPLY:-0}" -gt 0 ] || { WHY="$1 takes no discards"; return 1; }
  wipe_metadata "$1" || return
  at=0
  while [ "$at" -lt "$size" ]; do
    piece=$((size - at)); [ "$piece" -gt 34359738368 ] && piece=34359738368
    blkdiscard -o "$at" -l "$piece" "$DEV/$1" || { WHY="$1 refused to discard $piece bytes at byte $at"; return 1; }
    at=$((at + piece)); progress "$at" "$size"
  done
  # What a discarded block reads is the drive's own affair.
  zero_ends "$1" 0 "$size"
}

# wipe_full NAME: zeros over all of it.
wipe_full() {
  wipe_metadata "$1" || return
  at=0
  while [ "$at" -lt "$size" ]; do
    piece=$((size - at)); [ "$piece" -gt 268435456 ] && piece=268435456
    /usr/bin/dd if=/dev/zero of="$DEV/$1" bs=4M iflag=count_bytes,fullblock oflag=direct,seek_bytes seek="$at" count="$piece" \
      conv=notrunc status=none || { WHY="$1 did not take zeros at byte $at"; return 1; }
    at=$((at + piece)); progress "$at" "$size"
  done
  zero "$1" $((size - mebibyte)) "$mebibyte"
}

# progress DONE SIZE: of the disk that is worked on; a file is replaced as a whole, because it is read meanwhile.
progress() {
  echo "$1 $2 $wiping" > "$STATE/progress.new"
  mv "$STATE/progress.new" "$STATE/progress"
}

# prove_wiped NAME METHOD: nothing is recognised, its ends are zeros and, after a full overwrite, 64 samples too.
prove_wiped() {
  blockdev --flushbufs "$DEV/$1" 2>>"$LOG"
  signature "$DEV/$1"
  [ -z "$REPLY" ] || { WHY="$1 still holds $REPLY"; return 1; }
  size_of "$1"
  step=$((REPLY - edge))
  [ "$2" = full ] && step=$(((REPLY - mebibyte) / 63))
  at=0 count=$edge
  [ "$2" = full ] && count=$mebibyte
  [ "$step" -gt 0 ] || { step=$REPLY count=$REPLY; }
  while [ $((at + count)) -le "$REPLY" ]; do
    zeros "$DEV/$1" "$at" "$count" || { WHY="$1 does not read zeros at byte $at"; return 1; }
    at=$((at + step))
  done
}

# wipe NAME IDENTITY METHOD: and a line about it for the helper; or sets WHY.
wipe() {
  wiping=$2
  size_of "$1"; progress 0 "$REPLY"
  say wipe "$1 $3"
  "wipe_$3" "$1" && prove_wiped "$1" "$3" || return
  size_of "$1"
  printf 'disk=%s\tname=%s\tsize=%s\tmethod=%s\n' "$2" "$1" "$REPLY" "$3" >> "$STATE/cleaned.new"
}
