# Which machine this is.

# read_identity: sets BOOT_ID, SERIAL, UUID, MACS, FIRMWARE.
read_identity() {
  get "$PROC/sys/kernel/random/boot_id"; BOOT_ID=$REPLY
  get "$SYS/class/dmi/id/product_serial"; SERIAL=$REPLY
  get "$SYS/class/dmi/id/product_uuid"; UUID=$REPLY
  if [ -d "$SYS/firmware/efi" ]; then FIRMWARE=uefi; else FIRMWARE=bios; fi
}

# read_macs: sets MACS. Late, because a slow card may appear after the first.
read_macs() {
  MACS=
  for card in "$SYS"/class/net/*; do
    [ -e "$card/device" ] || continue
    get "$card/type"
    [ "$REPLY" = 1 ] || continue
    get "$card/address" && MACS=$MACS,$REPLY
  done
  MACS=${MACS#,}
}
