# An entry of ours for the system on the chosen disk, first in the firmware's order (UEFI specification 2.10, section 10.3).

# What is told of it, the field `y`: `able`; then `set BootXXXX PATH` or `none REASON`. Empty where the firmware keeps no such list.
BOOT_ENTRY=
[ "$FIRMWARE" = uefi ] && BOOT_ENTRY=able

# find_esp NAME: the EFI system partition of a disk. Sets ESP, the node of a device path that names it, and ESP_START, its byte.
find_esp() {
  get "$SYS/block/$1/queue/logical_block_size"; sector=${REPLY:-512}
  sectors "$1" 0 2; first=$REPLY
  case ${first:$((sector * 2))} in
    4546492050415254*) gpt=${first:$((sector * 2))} ;;
    *) find_esp_mbr "$first"; return ;;
  esac
  number "${gpt:144:16}"; at=$REPLY
  number "${gpt:168:8}"; length=$((REPLY * 2))
  [ "$length" -ge 256 ] || return
  sectors "$1" "$at" $((16384 / sector)); entries=$REPLY
  index=1
  while [ -n "$entries" ]; do
    # A GPT writes the first three parts of c12a7328-f81f-11d2-ba4b-00a0c93ec93b with their lowest byte first.
    case $entries in 28732ac11ff8d211ba4b00a0c93ec93b*)
      number "${entries:64:16}"; start=$REPLY
      number "${entries:80:16}"
      hard_drive "$index" "$start" $((REPLY - start + 1)) "${entries:32:32}" 0202
      return ;;
    esac
    entries=${entries:$length} index=$((index + 1))
  done
  return 1
}

# find_esp_mbr HEX: type ef of the four; the disk is named by the four bytes before them.
find_esp_mbr() {
  [ "${1:1020:4}" = 55aa ] || return
  for index in 1 2 3 4; do
    entry=${1:$((892 + (index - 1) * 32)):32}
    [ "${entry:8:2}" = ef ] || continue
    number "${entry:16:8}"; start=$REPLY
    number "${entry:24:8}"
    hard_drive "$index" "$start" "$REPLY" "${1:880:8}000000000000000000000000" 0101
    return
  done
  return 1
}

# sectors NAME FROM COUNT
sectors() {
  REPLY=$(/usr/bin/dd if="$DEV/$1" bs="$sector" skip="$2" count="$3" status=none | od -An -v -tx1 | tr -d ' \n')
}

# hard_drive NUMBER START SIZE SIGNATURE FORMAT: type 4, subtype 1, 42 bytes; sectors.
hard_drive() {
  ESP_START=$(($2 * sector)) ESP=04012a00
  bytes "$1" 4; ESP=$ESP$REPLY
  bytes "$2" 8; ESP=$ESP$REPLY
  bytes "$3" 8; ESP=$ESP$REPLY$4$5
}

# loader_in FOLDER: the path of what starts the system, below the root of its EFI system partition. A distribution's own loader
# knows where its configuration is; of several distributions the fallback of removable media decides.
loader_in() {
  case $(uname -m) in aarch64) arch=aa64 ;; *) arch=x64 ;; esac
  own= others=
  for folder in "$1"/[Ee][Ff][Ii]/*; do
    case ${folder##*/} in [Bb][Oo][Oo][Tt]) continue ;; esac
    for file in "shim$arch.efi" shim.efi "grub$arch.efi" "systemd-boot$arch.efi" loader.efi Boot/bootmgfw.efi; do
      [ -e "$folder/$file" ] || continue
      [ -n "$own" ] && others=more
      own=${own:-${folder#"$1"}/$file}
      break
    done
  done
  REPLY=
  for fallback in "$1"/[Ee][Ff][Ii]/[Bb][Oo][Oo][Tt]/[Bb][Oo][Oo][Tt]"$arch".[Ee][Ff][Ii] "$1"/EFI/BOOT/BOOT"$(echo "$arch" | tr a-z A-Z)".EFI; do
    [ -e "$fallback" ] && REPLY=${fallback#"$1"}
  done
  [ -n "$own" ] && { [ -z "$others" ] || [ -z "$REPLY" ]; } && REPLY=$own
  REPLY=$(echo "$REPLY" | tr / '\\')
  [ -n "$REPLY" ]
}

# find_loader: of the system on the chosen disk. Sets ESP and LOADER; or WHY.
find_loader() {
  find_esp "$CHOSEN" || { WHY="$CHOSEN has no EFI system partition"; return 1; }
  partition_at "$ESP_START" || { WHY="the kernel does not know the EFI system partition of $CHOSEN"; return 1; }
  mount -t vfat -o ro "$DEV/$REPLY" "${MOUNT:=/mnt}" 2>>"$LOG" || { WHY="the EFI system partition of $CHOSEN cannot be read"; return 1; }
  loader_in "$MOUNT"; found=$?
  LOADER=$REPLY
  umount "$MOUNT"
  [ "$found" = 0 ] || WHY="the EFI system partition of $CHOSEN holds no loader"
  return "$found"
}

# place_entry: under the number of ours if there is one, else the first that is free; nothing is written where all is so already.
place_entry() {
  ucs2 "$LOADER"; path=$REPLY
  bytes $((${#path} / 2 + 4)) 2; path=${ESP}0404$REPLY${path}7fff0400
  bytes $((${#path} / 2)) 2; entry=01000000$REPLY$our_name$path
  our_entries; slot=${REPLY# }; slot=${slot%% *}
  if [ -z "$slot" ]; then
    index=0
    while slot=$(printf %04X "$index"); [ -e "$VARIABLES/Boot$slot-$global" ]; do index=$((index + 1)); done
  fi
  hex_of "$VARIABLES/Boot$slot-$global"
  [ "${REPLY:8}" = "$entry" ] || write_variable "Boot$slot" "$entry" || return
  our_entries; ours=$REPLY
  order_without $ours
  order=$(echo "${slot:2:2}${slot:0:2}" | tr A-F a-f)$REPLY
  hex_of "$VARIABLES/BootOrder-$global"
  [ "${REPLY:8}" = "$order" ] || write_variable BootOrder "$order" || return
  for one in $ours; do [ "$one" = "$slot" ] || rm -f "$VARIABLES/Boot$one-$global"; done
}

# set_boot_entry: at the helper's word. Nobody writes any more. Whatever comes of it, the system is on its disk.
set_boot_entry() {
  [ "$BOOT_ENTRY" = able ] || return 1
  unexport
  settle
  read_table || say warning "the kernel does not take the new partition table of $CHOSEN"
  WHY=
  if open_variables; then
    if find_loader; then place_entry && WHY=; else forget_entries; fi
  fi
  if [ -z "$WHY" ]; then BOOT_ENTRY="set Boot$slot $LOADER"; else plain "$WHY"; BOOT_ENTRY="none $REPLY"; fi
  say boot-entry "$BOOT_ENTRY"
}
