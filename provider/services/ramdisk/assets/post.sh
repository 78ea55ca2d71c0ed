#!/bin/busybox sh
# Runs with the connection to the helper as stdin and stdout. The sending side stays open while the answer is awaited:
# an HTTP server may take a half-closed connection for one that was given up.
: "${STATE:=/run/baremetal}"
cat "$STATE/request"
exec head -c 65536 > "$STATE/answer"
