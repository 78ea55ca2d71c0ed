#!/bin/sh
# virsh with faults: what it is told goes on to the real one, FOLDER/real, unless FOLDER/fault says otherwise. Each call is written down.
cd "$(dirname "$0")/.." || exit 70
verb=
for word; do
  case $word in
    list | echo* | domstate | dominfo | dumpxml | start | destroy | shutdown | define) verb=${word%% *}; break ;;
  esac
done
echo "$(date +%s%3N) $verb $*" >>calls
read -r fault <fault
real() { ./real "$@"; }
case $fault in
  hangs) sleep 31415 ;;
  busy)
    echo "error: Timed out during operation: cannot acquire state change lock (held by monitor=remoteDispatchDomainReset)" >&2
    exit 1 ;;
  garbles) echo "E_GARBLED"; exit 0 ;;
  denied)
    echo "error: failed to connect to the hypervisor" >&2
    echo "error: Failed to connect socket to '/var/run/libvirt/libvirt-sock': Permission denied" >&2
    exit 1 ;;
  lies) case $verb in start | destroy) exit 0 ;; esac ;;
  slow)
    case $verb in
      start | destroy)
        setsid sh -c 'sleep 1; exec ./real "$@"' sh "$@" >/dev/null 2>&1 &
        echo $! >late
        exit 0 ;;
    esac ;;
  refuses)
    if [ "$verb" = define ]; then
      echo "error: Failed to define domain from /dev/stdin" >&2
      echo "error: (domain_definition):7: StartTag: invalid element name" >&2
      grep -a passwd >&2
      exit 1
    fi ;;
  deaf) ;;
  *)
    # The system that these domains lack.
    if [ "$verb" = shutdown ]; then
      real "$@" || exit $?
      for last; do :; done
      exec ./real -q -c "$3" destroy "$last" >/dev/null
    fi ;;
esac
exec ./real "$@"
