# A look at the server: what it is made of, and which disk a deployment would take. Nothing is exported, nothing written.
. "$PARTS/hardware.sh"
. "$PARTS/lldp.sh"

mode_inspect() {
  # Switches take half a minute to speak: the disks are looked at meanwhile.
  hear_neighbours
  # Which one is meant, or why none is, the helper judges by the list.
  find_disk
  list_hardware
  say inspected "${CHOSEN:-no disk}"
  announce_until done
  poweroff -f
}
