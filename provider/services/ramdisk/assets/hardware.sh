# What the server is made of: one line for the machine, one for each network card. $STATE/hardware is the wire form of `h`.

# memory_bytes: what is plugged in, as far as the kernel was given it; else what it has for itself.
memory_bytes() {
  if get "$SYS/devices/system/memory/block_size_bytes"; then
    block=$((0x$REPLY)) count=0
    for one in "$SYS"/devices/system/memory/memory[0-9]*; do
      get "$one/online" && [ "$REPLY" = 1 ] && count=$((count + 1))
    done
    REPLY=$((block * count))
    return
  fi
  REPLY=$(awk '$1 == "MemTotal:" { printf "%.0f", $2 * 1024 }' "$PROC/meminfo")
}

# tpm_present: by the firmware's own table of it, which takes no driver.
tpm_present() {
  REPLY=false
  for table in TPM2 TCPA; do [ -e "$SYS/firmware/acpi/tables/$table" ] && REPLY=true; done
}

# secure_boot: as the kernel's EFI stub found it (boot_params, byte 0x1ec: 2 off, 3 on); empty where nothing tells.
secure_boot() {
  REPLY=
  [ "$FIRMWARE" = bios ] && { REPLY=false; return; }
  [ -r "$SYS/kernel/boot_params/data" ] || return
  case $(dd if="$SYS/kernel/boot_params/data" bs=1 skip=492 count=1 2>/dev/null | tr '\002\003' 'ny') in
    n) REPLY=false ;;
    y) REPLY=true ;;
  esac
}

# cards: the network cards that are hardware.
cards() {
  for card in "$SYS"/class/net/*; do
    [ -e "$card/device" ] || continue
    get "$card/type" && [ "$REPLY" = 1 ] && echo "${card##*/}"
  done
}

# await_links: a card that was just switched on takes up to five seconds to find its partner.
await_links() {
  for card in $(cards); do ip link set "$card" up 2>>"$LOG"; done
  for turn in 1 2 3 4 5 6 7 8 9 10; do
    dark=
    for card in $(cards); do get "$SYS/class/net/$card/carrier"; [ "$REPLY" = 1 ] || dark=$card; done
    [ -z "$dark" ] && return
    sleep 0.5
  done
}

describe_card() {
  get "$SYS/class/net/$1/address"; mac=$REPLY
  get "$SYS/class/net/$1/carrier"; link=false; [ "$REPLY" = 1 ] && link=true
  # -1 where there is no link; virtual cards tell none.
  get "$SYS/class/net/$1/speed"; speed=$REPLY
  case $speed in '' | *[!0-9]*) speed=0 ;; esac
  driver=$(readlink -f "$SYS/class/net/$1/device/driver")
  neighbour "$1"
  printf 'nic=%s\tmac=%s\tdriver=%s\tlink=%s\tspeed=%s\tboot=%s%s\n' "$1" "$mac" "${driver##*/}" "$link" "$speed" \
    "$([ "$1" = "$INTERFACE" ] && echo true || echo false)" "$REPLY"
}

list_hardware() {
  await_links
  await_neighbours
  cpus=$(grep -c '^processor' "$PROC/cpuinfo")
  memory_bytes; memory=$REPLY
  get "$SYS/class/dmi/id/sys_vendor"; plain "$REPLY"; vendor=$REPLY
  get "$SYS/class/dmi/id/product_name"; plain "$REPLY"; product=$REPLY
  get "$SYS/class/dmi/id/bios_version"; plain "$REPLY"; version=$REPLY
  tpm_present; tpm=$REPLY
  secure_boot; secure=$REPLY
  {
    printf 'cpus=%s\tmemory=%s\tvendor=%s\tproduct=%s\tversion=%s\ttpm=%s\tsecureBoot=%s\n' \
      "$cpus" "$memory" "$vendor" "$product" "$version" "$tpm" "$secure"
    for card in $(cards); do describe_card "$card"; done
  } > "$STATE/hardware"
}
