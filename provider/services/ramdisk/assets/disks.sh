# The disks: what they are, what they hold, and which one is meant. The list lies in $STATE/disks, one disk a line,
# key=value pairs joined by tabs (the wire form of `d`).

. "$PARTS/identify.sh"

least=4294967296
probe=4194304

# disk_names: the block devices that are disks of any kind.
disk_names() {
  for block in "$SYS"/block/*; do
    # One path of several to an NVMe disk: the kernel opens the whole only.
    [ -e "$block/hidden" ] && { get "$block/hidden"; [ "$REPLY" = 1 ] && continue; }
    case ${block##*/} in
      loop* | ram* | zram* | dm-* | md* | nbd* | fd* | mtd* | nvme*c[0-9]*n[0-9]* | mmcblk*boot* | mmcblk*rpmb | '*') ;;
      *) echo "${block##*/}" ;;
    esac
  done
}

# size_of NAME: bytes.
size_of() {
  get "$SYS/block/$1/size"
  REPLY=$((${REPLY:-0} * 512))
}

# unfit NAME: why it never qualifies; empty if it does.
unfit() {
  path=$(readlink -f "$SYS/block/$1")
  get "$SYS/block/$1/device/type"; type=$REPLY
  case $1:$type in sr*: | *:5) REPLY=cdrom; return ;; sd*:0 | sd*:14 | *:) ;; sd*) REPLY='not a disk'; return ;; *:SD) REPLY=removable; return ;; esac
  case $path in
    */usb[0-9]*) REPLY=usb; return ;;
    */session[0-9]* | */rport-[0-9]* | */rbd/*) REPLY=remote; return ;;
  esac
  for transport in "$SYS/block/$1"/device/transport "$SYS/block/$1"/device/nvme*/transport; do
    get "$transport" || continue
    case $REPLY in pcie | apple-nvme) ;; *) REPLY=remote; return ;; esac
  done
  get "$SYS/block/$1/removable"; [ "$REPLY" = 1 ] && { REPLY=removable; return; }
  get "$SYS/block/$1/ro"; [ "$REPLY" = 1 ] && { REPLY=read-only; return; }
  get "$SYS/block/$1/queue/zoned"; [ "$REPLY" = host-managed ] && { REPLY=zoned; return; }
  size_of "$1"; [ "$REPLY" -lt "$least" ] && { REPLY='too small'; return; }
  REPLY=
}

# plain TEXT: printable ASCII, blanks squeezed and trimmed, no tab or newline to break the wire form.
plain() {
  REPLY=$1
  # Most texts are so already, and each program started costs time under emulation.
  case $1 in *[!\ -~]* | *'  '* | ' '* | *' ') ;; *) return ;; esac
  REPLY=$(printf %s "$1" | tr -c ' -~' ' ' | tr -s ' ' | sed 's/^ //; s/ $//')
}

# signature DEVICE: what blkid recognises on it, in words.
signature() {
  found=$(timeout 20 blkid -p -o export "$1" 2>>"$LOG"); code=$?
  case $code in 0 | 2) ;; 8) REPLY='several signatures'; return ;; *) REPLY='unreadable'; return ;; esac
  table= type= label=
  # Without -r: blkid writes blanks and quotes of a label with a backslash before them.
  while IFS='=' read key value; do
    case $key in PTTYPE) table=$value ;; TYPE) type=$value ;; LABEL) plain "$value"; label=$REPLY ;; esac
  done <<END
$found
END
  REPLY=$table${table:+${type:+; }}$type${type:+${label:+ \"$label\"}}
}

# holds NAME: empty if it is blank.
holds() {
  signature "$DEV/$1"; text=$REPLY
  for part in "$SYS/block/$1/$1"*; do
    [ -e "$part/partition" ] || continue
    signature "$DEV/${part##*/}"
    [ -n "$REPLY" ] && text="$text; $REPLY on ${part##*/}"
  done
  REPLY=${text#; }
  [ -n "$REPLY" ] && return
  size_of "$1"
  tail=$((REPLY > probe ? REPLY - probe : 0))
  zeros "$DEV/$1" 0 "$probe" && zeros "$DEV/$1" "$tail" "$probe"
  case $? in 0) REPLY= ;; 1) REPLY='unknown data' ;; *) REPLY=unreadable ;; esac
}

# zeros FILE START COUNT: 0 if so, 1 if not, 2 if it cannot be read.
zeros() {
  timeout 30 /usr/bin/cmp -s -i "$2:0" -n "$3" "$1" /dev/zero 2>>"$LOG"
}

# describe NAME: its line of the list.
describe() {
  name=$1
  unfit "$name"; why=$REPLY
  identify "$name"
  by_path "$name"; place=$REPLY
  size_of "$name"; size=$REPLY
  get "$SYS/block/$name/queue/logical_block_size"; sector=${REPLY:-512}
  get "$SYS/block/$name/queue/rotational"; rotational=$REPLY
  # Two paths to one disk: a write through one of them is not seen by the other. Cheap drives share a WWN, but no serial.
  case $why:${wwn#0x} in
    :*[!0]*) case $SEEN in *"$TAB$wwn/$serial$TAB"*) why='second path' ;; esac; SEEN=$SEEN$wwn/$serial$TAB ;;
  esac
  contents=
  [ "$size" -gt 0 ] && [ "$why" != cdrom ] && { holds "$name"; contents=$REPLY; }
  printf 'name=%s\tsize=%s\tsector=%s\tmodel=%s\tvendor=%s\tserial=%s\twwn=%s\tbyId=%s\tbyPath=%s\thctl=%s\trotational=%s\tunfit=%s\tholds=%s\tzero=0\n' \
    "$name" "$size" "$sector" "$model" "$vendor" "$serial" "$wwn" "$by_id" "$place" "$hctl" \
    "$([ "$rotational" = 1 ] && echo true || echo false)" "$why" "$contents"
}

list_disks() {
  SEEN=$TAB
  for one in $(disk_names); do describe "$one"; done > "$STATE/disks"
}

# read_hints: $STATE/hints, one `key<TAB>value` a line. The whole, or each value, may be percent-encoded.
read_hints() {
  argument root_device; text=$REPLY
  case $text in *=*) ;; *) decode "$text"; text=$REPLY ;; esac
  : > "$STATE/hints"
  IFS=';'; set -f
  for hint in $text; do
    [ -n "$hint" ] || continue
    decode "${hint#*=}"
    printf '%s\t%s\n' "${hint%%=*}" "$REPLY" >> "$STATE/hints"
  done
  unset IFS; set +f
}

# watch_disks: takes note of when the names of the disks last changed.
watch_disks() {
  names=$(disk_names)
  read -r now rest < "$PROC/uptime"
  now=${now%.*}${now#*.}
  [ "$names" = "$DISK_NAMES" ] || DISK_NAMES=$names DISKS_SINCE=$now
}

# wait_for_disks DEADLINE: until one qualifies and nothing has come or gone for a while.
wait_for_disks() {
  calm=100
  [ -e /lib/modules/by-hardware ] && calm=300
  while :; do
    watch_disks
    if [ $((now - DISKS_SINCE)) -ge "$calm" ]; then
      for one in $names; do unfit "$one"; [ -z "$REPLY" ] && return; done
    fi
    seconds; [ "$REPLY" -ge "$1" ] && return
    sleep 0.2
  done
}

# find_disk: lists the disks and sets CHOSEN; or WHY.
find_disk() {
  read_hints
  argument disk; disk=$REPLY
  seconds; end=$((REPLY + 30))
  while :; do
    wait_for_disks "$end"
    list_disks
    answer=$(awk -F "$TAB" -v disk="$disk" -v hints="$STATE/hints" -f "$PARTS/choose.awk" "$STATE/disks")
    case $answer in "ok "*) CHOSEN=${answer#ok }; return 0 ;; esac
    WHY=${answer#* }
    # A slow controller may still bring the one that is meant; nothing that comes makes two into one.
    case $answer in "none "*) ;; *) return 1 ;; esac
    seconds; [ "$REPLY" -ge "$end" ] && return 1
    while [ "$(disk_names)" = "$DISK_NAMES" ]; do
      seconds; [ "$REPLY" -ge "$end" ] && return 1
      sleep 0.5
    done
  done
}
