#!/bin/busybox sh
# Runs for each connection to port 10000, with it as stdin. Only the word itself counts; scanners and monitors do connect.
: "${STATE:=/run/baremetal}"
word=$(timeout 3 cat | head -c 64 | tr -d '\r\n')
[ "$word" = "done" ] && echo "done" > "$STATE/word"
exit 0
