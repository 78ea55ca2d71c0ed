# What every mode begins with: who this machine is, its network, an open ear. The mode itself is a file of its own.
. "${PARTS:-/lib/baremetal}/common.sh"
. "$PARTS/network.sh"
. "$PARTS/identity.sh"
. "$PARTS/disks.sh"
. "$PARTS/announce.sh"

# take_back: what a mode has to undo before it gives up.
take_back() { :; }

# obey WORD: what a mode does at words of the helper before the last one.
obey() { return 1; }

# fail TEXT: tell the helper and the console, and wait to be switched off.
fail() {
  say error "$1"
  take_back
  announce_error "$1"
}

main() {
  argument mode deploy && MODE=$REPLY
  argument deployment_id && DEPLOYMENT=$REPLY
  argument deployment_key && KEY=$REPLY
  argument deploy_port 10000 && PORT=$REPLY
  read_identity
  # The disks are given their time to appear while the network is set up.
  watch_disks
  # From here on nobody hears of a failure but the console, until there is an address.
  start_network || { say error "$WHY"; return 1; }
  say address "$ADDRESS on $INTERFACE; helper $SERVER:$PORT"
  case $MODE in
    deploy | clean | inspect | rescue) . "$PARTS/mode-$MODE.sh" ;;
    *) fail "the kernel command line asks for the mode $MODE, which this ramdisk does not know" ;;
  esac
  listen
  "mode_$MODE"
}

main
