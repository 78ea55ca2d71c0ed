#!/bin/busybox sh
# What cloud-init does at the end of a first boot, where the disk says so: tell the helper, by the URL on the volume `cidata`.
# Its files lie there in one piece and in clear, so that no mount is needed.
for path in /sys/class/block/*; do
  [ "$(cat "$path/size")" = 2048 ] || continue
  words=$(strings "/dev/${path##*/}")
  url=$(echo "$words" | sed -n 's/^ *url: "\(.*\)"$/\1/p')
  [ -n "$url" ] || continue
  id=$(echo "$words" | sed -n 's/^instance-id: "\(.*\)"$/\1/p')
  key=$(sed 's/+/%2B/g; s/ /%20/g' /etc/host_key.pub)
  tries=0
  while [ $tries -lt 20 ]; do
    timeout 5 wget -q -O /dev/null --post-data "instance_id=$id&hostname=$(hostname)&pub_key_rsa=N/A&pub_key_ed25519=$key" "$url" &&
      echo "system: $(cat /etc/name) phoned home" && exit
    tries=$((tries + 1))
    sleep 1
  done
done
