# The names of a disk that last: serial number, World Wide Name, and the links that udev would make.

# link_part TEXT: as udev writes it into the name of a link.
link_part() {
  REPLY=$(printf %s "$1" | tr -s ' ' '_' | tr -c 'A-Za-z0-9#+.:=@_-' '_')
}

# identify NAME: sets model, vendor, serial, wwn, by_id, hctl.
identify() {
  dev=$SYS/block/$1/device
  get "$dev/model"; plain "$REPLY"; model=$REPLY
  get "$dev/vendor"; plain "$REPLY"; vendor=$REPLY
  get "$dev/serial" || get "$SYS/block/$1/serial"; plain "$REPLY"; serial=$REPLY
  get "$dev/wwid" || get "$SYS/block/$1/wwid"; plain "$REPLY"; wwid=$REPLY
  # A drive may spell its own name in capitals (SCSI name string); udev and our records do not.
  case $wwid in naa.*[A-F]* | eui.*[A-F]*) wwid=$(printf %s "$wwid" | tr A-F a-f) ;; esac
  wwn= by_id= hctl=
  case $1 in
    sd*) identify_scsi ;;
    nvme*)
      case $wwid in eui.* | nvme.* | uuid.*) wwn=$wwid ;; esac
      link_part "$wwid"; [ -n "$wwid" ] && by_id=nvme-$REPLY
      ;;
    vd*) [ -n "$serial" ] && { link_part "$serial"; by_id=virtio-$REPLY; } ;;
    mmcblk*) get "$dev/name"; model=$REPLY; link_part "${REPLY}_$serial"; by_id=mmc-$REPLY ;;
  esac
}

# identify_scsi: goes on for a SCSI or ATA disk, whose serial number stands in binary pages.
identify_scsi() {
  hctl=$(readlink -f "$dev"); hctl=${hctl##*/}
  [ -e "$dev/vpd_pg80" ] && { plain "$(tail -c +5 "$dev/vpd_pg80" | tr -d '\000')"; serial=$REPLY; }
  case $wwid in naa.*) wwn=0x${wwid#naa.} ;; eui.*) wwn=0x${wwid#eui.} ;; esac
  if [ "$vendor" = ATA ]; then
    # The page holds the drive's own IDENTIFY block at byte 60, each pair of bytes swapped; `model` has only 16 letters.
    if [ -e "$dev/vpd_pg89" ]; then
      plain "$(tail -c +115 "$dev/vpd_pg89" | head -c 40 | dd bs=40 conv=swab 2>/dev/null | tr -d '\000')"
      [ -n "$REPLY" ] && model=$REPLY
    fi
    [ -n "$serial" ] && { link_part "${model}_$serial"; by_id=ata-$REPLY; return; }
  fi
  if [ -n "$wwn" ]; then by_id=wwn-$wwn
  elif [ -n "$serial" ]; then link_part "${vendor}_${model}_$serial"; by_id=scsi-S$REPLY
  fi
}

# by_path NAME: as udev names it (its path_id), for the buses that servers have; empty for others.
by_path() {
  path=$(readlink -f "$SYS/block/$1")
  case $path in
    # A disk that several controllers may reach hangs below none of them.
    */nvme-subsys[0-9]*) for one in "$SYS/block/$1"/device/nvme[0-9]*; do [ -e "$one/transport" ] && { path=$(readlink -f "$one"); break; }; done ;;
  esac
  pci= ata= sas= port= above= before=
  IFS=/; set -f
  for part in $path; do
    case $part in
      [0-9a-f][0-9a-f][0-9a-f][0-9a-f]:[0-9a-f][0-9a-f]:*) pci=$part ;;
      ata[0-9]*) ata=$part ;;
      port-*) port=$part above=$before ;;
      end_device-*) sas=$part ;;
    esac
    before=$part
  done
  unset IFS; set +f
  REPLY=
  [ -n "$pci" ] || return
  case $1 in
    nvme*) get "$SYS/block/$1/nsid"; REPLY=pci-$pci-nvme-${REPLY:-1} ;;
    vd*) REPLY=pci-$pci ;;
    sd*)
      if [ -n "$ata" ]; then get "$SYS/class/ata_port/$ata/port_no"; REPLY=pci-$pci-ata-${REPLY:-${ata#ata}}
      elif [ -n "$sas" ]; then sas_path; REPLY=pci-$pci-sas-$REPLY-lun-${hctl##*:}
      else REPLY=pci-$pci-scsi-0:${hctl#*:}
      fi ;;
  esac
}

# sas_path: goes on for a SAS disk: by the slot it is in; by its own address where several lanes lead to it.
sas_path() {
  get "$SYS/class/sas_port/$port/num_phys"
  if [ "$REPLY" != 1 ]; then get "$SYS/class/sas_device/$sas/sas_address"; return; fi
  get "$SYS/class/sas_device/$sas/phy_identifier"; phy=phy$REPLY
  get "$SYS/class/sas_device/$above/sas_address"; REPLY=${REPLY:+exp$REPLY-}$phy
}
