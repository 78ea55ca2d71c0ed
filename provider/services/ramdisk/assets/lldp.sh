# LLDP: what a switch says of itself at the other end of a cable. A macvtap hands on a card's frames as a file to read,
# /dev/tapN by the interface's number: so it takes no program that catches packets.

# Switches speak every 30 s (IEEE 802.1AB).
: "${LLDP_SECONDS:=32}"

# hear_neighbours: begins to collect what is said on each card.
hear_neighbours() {
  seconds; LLDP_END=$((REPLY + LLDP_SECONDS)) LISTENERS=
  modprobe -q macvtap 2>>"$LOG"
  for card in $(cards); do
    ip link set "$card" up 2>>"$LOG"
    ip link add link "$card" name "lldp-$card" type macvtap 2>>"$LOG" || continue
    ip link set "lldp-$card" up
    # The address that switches speak to is nobody's own.
    ifconfig "lldp-$card" allmulti
    get "$SYS/class/net/lldp-$card/ifindex"
    # Each read is one frame. A network that is full of broadcasts is not kept for ever.
    dd if="$DEV/tap$REPLY" of="$STATE/lldp-$card" bs=4096 count=8000 2>/dev/null &
    LISTENERS="$LISTENERS $!"
  done
  # Without a macvtap there is nothing to wait for.
  [ -n "$LISTENERS" ] || LLDP_END=0
}

# neighbour CARD: its fields as pairs, each with a tab before it; empty if nobody spoke.
neighbour() {
  REPLY=
  [ -s "$STATE/lldp-$1" ] || return
  # All in one line, which is what awk can go through in no time.
  xxd -p "$STATE/lldp-$1" | tr -d '\n' > "$STATE/lldp"
  grep -q '88cc0[23]' "$STATE/lldp" && REPLY=$(awk -f "$PARTS/lldp.awk" "$STATE/lldp")
}

# await_neighbours: until somebody spoke on each card that has a link, or for as long as they may be silent.
await_neighbours() {
  while :; do
    silent=
    for card in $(cards); do
      get "$SYS/class/net/$card/carrier"; [ "$REPLY" = 1 ] || continue
      neighbour "$card"; [ -n "$REPLY" ] || silent=$card
    done
    [ -z "$silent" ] && break
    seconds; [ "$REPLY" -ge "$LLDP_END" ] && break
    sleep 1
  done
  [ -n "$LISTENERS" ] && kill $LISTENERS 2>/dev/null
  for card in $(cards); do ip link del "lldp-$card" 2>/dev/null; done
}
