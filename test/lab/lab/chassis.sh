#!/bin/sh
# The chassis of one virtual server, called by ipmi_sim: `chassis.sh FOLDER 0x20 get|set WORDS…`.
# FOLDER/start starts the machine in the foreground, with the boot order and UEFI's indexes as its arguments; FOLDER/pid, boot, fault
# are its state, FOLDER/disc.iso is what lies in its CD drive; FOLDER/power-on is what its serial log begins with.
# It must answer within a second: ipmitool sends again after that, and everything would be done twice.
cd "$1" || exit 1
shift 2
echo "$(date +%s.%N) $*" >>calls
fault=none
read -r fault <fault
[ "$fault" = exit1 ] && exit 1

# A zombie is off: where nobody collects it, its pid answers to signals for ever.
alive() {
  pid=
  read -r pid <pid 2>/dev/null && [ -n "$pid" ] && read -r stat 2>/dev/null <"/proc/$pid/stat" || return 1
  # The name between the brackets may hold blanks; the state is the word after it.
  case ${stat##*) } in [ZX]*) return 1 ;; esac
}

# tell WORDS: to the monitor of the running QEMU. Opened for both, so that it never waits for a reader.
tell() {
  [ -p monitor.in ] && echo "$*" 1<>monitor.in
}

# The letters of `qemu -boot order=`. "disk" arrives as "default".
order() {
  boot=none
  read -r boot <boot
  case $boot in pxe) echo n ;; disk | default | bios) echo c ;; cdrom) echo d ;; *) echo cn ;; esac
}

# UEFI goes by indexes: disks have 2 and on, card and CD drive come before or after them.
indexes() {
  case $(order) in n) card=1 disc=30 ;; d) card=20 disc=0 ;; *) card=20 disc=30 ;; esac
}

# Everything that ipmi_sim had open is closed: what started here outlives it, and must not hold its port.
on() {
  alive && return
  indexes
  cat power-on >>serial.log
  setsid ./start "$(order)" $card $disc </dev/null >started 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
  echo $! >pid
}

off() {
  alive || return
  kill -9 "$pid"
  tries=0
  while alive && [ $tries -lt 40 ]; do
    tries=$((tries + 1))
    sleep 0.02
  done
}

# Answered at once; done at once, later, or never.
act() {
  case $fault in
    lie) ;;
    slow) (sleep 4 && "$1") </dev/null >/dev/null 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- & ;;
    *) "$1" ;;
  esac
}

reset() {
  alive || return
  if [ -p monitor.in ]; then tell system_reset; else off && on; fi
}

verb=$1
shift
if [ "$verb" = get ]; then
  for word in "$@"; do
    case $word in
      power)
        if alive; then state=power:1; else state=power:0; fi
        if [ "$fault" != stale ]; then
          rm -f told
        elif [ ! -e told ]; then
          echo $state >told
        else
          read -r state <told
        fi
        echo $state
        ;;
      boot) echo "boot:$(cat boot)" ;;
    esac
  done
  exit 0
fi
while [ $# -ge 2 ]; do
  case "$1 $2" in
    "power 1") act on ;;
    "power 0") act off ;;
    # The system is asked to end; ours end at once.
    shutdown*) act off ;;
    reset*) act reset ;;
    # Of the CD drive; `disc.part` is what was fetched for it. Its guest may have locked it.
    "disc in") mv disc.part disc.iso && alive && tell "change image disc.iso raw read-only" ;;
    "disc out") rm -f disc.iso && alive && tell "eject -f image" ;;
    boot*)
      echo "$2" >boot
      # Counts for the next reset of a machine that runs, as on real servers. OVMF does not look at boot_set.
      alive && tell "boot_set $(order)"
      if [ -e uefi ] && alive; then
        indexes
        tell "qom-set /machine/peripheral/card bootindex $card"
        tell "qom-set /machine/peripheral/disc bootindex $disc"
      fi
      ;;
  esac
  shift 2
done
exit 0
