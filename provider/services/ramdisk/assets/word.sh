#!/bin/busybox sh
# Runs for each connection to port 10000, with it as stdin. Only these words count; scanners and monitors do connect.
: "${STATE:=/run/baremetal}"
word=$(timeout 3 cat | head -c 64 | tr -d '\r\n')
case $word in
  done | clean | hooks | boot-entry | rescue) ;;
  'grow '*[!0-9]* | 'grow ' | 'clean '*[!0-9a-f]* | 'clean ') exit ;;
  'grow '* | 'clean '*) ;;
  *) exit ;;
esac
echo "$word" > "$STATE/word"
