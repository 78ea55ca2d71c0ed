#!/bin/sh
# A stand-in for VBoxManage, unverified against the real one: a machine that is a folder. Its words and formats are those of
# VirtualBox 7's own source (VBoxManageInfo.cpp, VBoxManageControlVM.cpp, VBoxManageMisc.cpp, MachineImpl.cpp) and of the output that
# the tests of chef/ohai and cuckoo keep.
cd "$(dirname "$0")/.." || exit 70
[ "$1" = --nologo ] && shift
echo "$(date +%s%3N) $*" >>calls
read -r uuid <uuid
read -r state <state
read -r fault <fault
error() { echo "VBoxManage: error: $1" >&2; echo "VBoxManage: error: Details: code $2, component MachineWrap, interface IMachine, callee nsISupports" >&2; exit 1; }
locked() { error "The machine 'u 7' is already locked by a session (or being locked or unlocked)" "VBOX_E_INVALID_OBJECT_STATE (0x80bb0007)"; }
become() {
  case $fault in
    lies) ;;
    slow) setsid sh -c "sleep 1; echo $1 >state" >/dev/null 2>&1 & ;;
    *) echo "$1" >state ;;
  esac
}
case $fault in
  hangs) sleep 31415 ;;
  busy) locked ;;
  garbles) echo "E_GARBLED"; exit 0 ;;
  absent) error "Failed to create the VirtualBox object!" "NS_ERROR_FACTORY_NOT_REGISTERED (0x80040154)" ;;
esac
case $1 in
  list)
    if [ "$2" = vms ]; then
      echo "\"u 7\" {$uuid}"
      echo "<inaccessible> {11111111-2222-4333-8444-555555555555}"
    else
      printf 'Name:                        u 7\nUUID:                        %s\nHardware UUID:               %s\n' "$uuid" "$uuid"
      echo "NIC 1:                       MAC: 080027E5FA8F, Attachment: NAT, Cable connected: on, Trace: off (file: none), Type: 82540EM"
      echo "NIC 2:                       disabled"
    fi
    exit 0 ;;
esac
[ "$2" = "$uuid" ] || error "Could not find a registered machine named '$2'" "VBOX_E_OBJECT_NOT_FOUND (0x80bb0001)"
case $1 in
  showvminfo)
    printf 'name="u 7"\ngroups="/"\nUUID="%s"\nhardwareuuid="%s"\nfirmware="BIOS"\n' "$uuid" "$uuid"
    cat boot
    printf 'VMState="%s"\nVMStateChangeTime="2026-02-09T21:00:33.575000000"\n' "$state"
    printf '"SATA-0-0"="/vm/u 7.vdi"\nmacaddress1="080027E5FA8F"\nnic1="nat"\nnic2="none"\ndescription="VMState="running""\n' ;;
  startvm)
    [ "$state" = running ] && locked
    become running
    echo "Waiting for VM \"$2\" to power on..."
    echo "VM \"$2\" has been successfully started." ;;
  controlvm)
    [ "$state" = running ] || error "Machine '$2' is not currently running." "E_FAIL (0x80004005)"
    case $3 in
      poweroff) become poweroff; echo "0%...10%...20%...30%...40%...50%...60%...70%...80%...90%...100%" >&2 ;;
      acpipowerbutton) [ "$fault" = deaf ] || echo poweroff >state ;;
    esac ;;
  modifyvm)
    case $state in
      running) locked ;;
      saved) error "The machine is not mutable (state is Saved)" "VBOX_E_INVALID_VM_STATE (0x80bb0002)" ;;
    esac
    printf 'boot1="%s"\nboot2="%s"\nboot3="%s"\nboot4="%s"\n' "$4" "$6" "$8" "${10}" >boot ;;
esac
