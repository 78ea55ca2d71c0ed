# The network: the card that the firmware booted from, by DHCP, or with the address that pxelinux was given.

# start_network: sets INTERFACE, ADDRESS, SERVER; or WHY.
start_network() {
  ip link set lo up
  argument ip && parse_ip "$REPLY"
  argument deploy_server && SERVER=$REPLY
  find_interface || return 1
  ip link set "$INTERFACE" up
  argument deploy_static
  if [ "$REPLY" = 1 ] && [ -n "$STATIC_ADDRESS" ]; then use_static
  elif ! use_dhcp; then
    [ -n "$STATIC_ADDRESS" ] || { WHY="no DHCP server answered on $INTERFACE within 90 s"; return 1; }
    use_static
  fi
  : "${SERVER:=$STATIC_SERVER}" "${SERVER:=$LEASE_SERVER}"
  [ -n "$SERVER" ] || { WHY="nothing tells where the helper is: neither deploy_server nor ip= nor DHCP"; return 1; }
}

# parse_ip CLIENT:SERVER:GATEWAY:MASK, as pxelinux's `ipappend 1` or `3` writes it.
parse_ip() {
  case $1 in *.*.*.*:*) ;; *) return ;; esac
  IFS=: read -r STATIC_ADDRESS STATIC_SERVER STATIC_GATEWAY STATIC_MASK rest <<END
$1
END
}

# find_interface: by the MAC in BOOTIF=01-aa-bb-..; without BOOTIF the first card with a link, or the first at all.
find_interface() {
  argument BOOTIF
  mac=$(printf %s "${REPLY#*-}" | tr 'A-F-' 'a-f:')
  seconds; deadline=$((REPLY + 30))
  while :; do
    INTERFACE=
    for card in "$SYS"/class/net/*; do
      [ -e "$card/device" ] || continue
      get "$card/address"
      if [ -n "$mac" ]; then
        [ "$REPLY" = "$mac" ] && INTERFACE=${card##*/}
      else
        ip link set "${card##*/}" up 2>/dev/null
        get "$card/carrier"
        if [ "$REPLY" = 1 ]; then INTERFACE=${card##*/}; break; fi
      fi
    done
    [ -n "$INTERFACE" ] && return
    seconds; [ "$REPLY" -ge "$deadline" ] && break
    sleep 0.3
  done
  seen=$(cat "$SYS"/class/net/*/address | tr '\n' ' ')
  WHY="no network card with ${mac:+the address }${mac:-a link} was found, or its driver is missing; seen: $seen"
  return 1
}

use_static() {
  ifconfig "$INTERFACE" "$STATIC_ADDRESS" netmask "${STATIC_MASK:-255.255.255.0}"
  case $STATIC_GATEWAY in *[1-9]*) ip route add default via "$STATIC_GATEWAY" ;; esac
  ADDRESS=$STATIC_ADDRESS
}

# use_dhcp: udhcpc stays and renews the lease, as a write may take longer than the lease lasts.
use_dhcp() {
  udhcpc -f -i "$INTERFACE" -t 45 -T 2 -A 1 -s "$PARTS/dhcp.sh" &
  client=$!
  seconds; deadline=$((REPLY + 90))
  while [ ! -e "$STATE/lease" ]; do
    seconds; [ "$REPLY" -ge "$deadline" ] && { kill "$client"; return 1; }
    sleep 0.1
  done
  read -r ADDRESS LEASE_SERVER < "$STATE/lease"
}
