# A look at the server: what it is made of, and which disk a deployment would take. Nothing is exported, nothing written.
. "$PARTS/hardware.sh"

mode_inspect() {
  WHY=
  find_disk && WHY=
  list_hardware "$WHY"
  say inspected "${CHOSEN:-no disk}"
  announce_until done
  poweroff -f
}
