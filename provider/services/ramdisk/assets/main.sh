# The story of one deployment, told from the server's side.
. "${PARTS:-/lib/baremetal}/common.sh"
. "$PARTS/network.sh"
. "$PARTS/identity.sh"
. "$PARTS/disks.sh"
. "$PARTS/zeros.sh"
. "$PARTS/target.sh"
. "$PARTS/announce.sh"

# fail TEXT: tell the helper and the console, export nothing, and wait to be switched off.
fail() {
  say error "$1"
  unexport
  announce_error "$1"
}

main() {
  argument deployment_id && DEPLOYMENT=$REPLY
  argument deployment_key && KEY=$REPLY
  argument iscsi_target_iqn && IQN=$REPLY
  argument deploy_port 10000 && PORT=$REPLY
  read_identity
  IQN=$(printf %s "${IQN:+$IQN:${BOOT_ID%%-*}}" | tr A-Z a-z)
  # The disks are given their time to appear while the network is set up.
  watch_disks
  # From here on nobody hears of a failure but the console, until there is an address.
  start_network || { say error "$WHY"; return 1; }
  say address "$ADDRESS on $INTERFACE; helper $SERVER:$PORT"
  [ -n "$IQN" ] || { fail "the kernel command line has no iscsi_target_iqn"; return 1; }
  listen
  find_disk || { fail "$WHY"; return 1; }
  say disk "$CHOSEN"
  prove_zeros
  export_disk || { fail "$WHY"; return 1; }
  say target "$IQN"
  announce_until_done
  finish
}

main
