# The helper: what is told to it, and its word that it is done.

# listen: before the first announcement, so that no early word is lost. Each connection is judged by word.sh.
listen() {
  mkfifo "$STATE/word"
  # Open for both, so that neither side waits for the other.
  exec 3<> "$STATE/word"
  nc -ll -p 10000 -e "$PARTS/word.sh" 3>&- &
}

# pair NAME TEXT: one field of the form, as form.awk reads it.
pair() {
  printf '%s\001%s\002' "$1" "$2"
}

# What of the log the helper has heard, in bytes.
HEARD=0

# new_log BYTES: sets NEW, what of the log it has not heard, or the end of that, and FROM, where that begins. What was accepted
# before is no news; the kernel repeats its command line, and with it the key; control bytes would end a field.
new_log() {
  [ -e "$LOG" ] && UPTO=$(wc -c < "$LOG") || UPTO=0
  FROM=$HEARD
  [ $((UPTO - FROM)) -gt "$1" ] && FROM=$((UPTO - $1))
  NEW=
  [ "$UPTO" -gt "$FROM" ] || return 0
  NEW=$(tail -c +$((FROM + 1)) "$LOG" | grep -v -e deployment_key -e 'BAREMETAL announce [0-9]* accepted' | tr -d '\000-\010')
}

# write_form [ERROR]: the body of the announcement. The helper takes 64 KiB; a long list of disks shortens the log.
write_form() {
  read_macs
  for bytes in 8192 2048 512; do
    new_log "$bytes"
    {
      pair v 1
      pair i "$DEPLOYMENT"; pair k "$KEY"; pair a "$ADDRESS"; pair n "$IQN"; pair p 3260; pair l 1
      pair b "$BOOT_ID"; pair s "$SERIAL"; pair u "$UUID"; pair m "$MACS"; pair f "$FIRMWARE"; pair c "$CHOSEN"
      [ -n "$GROWTH" ] && pair w "$GROWTH"
      [ -n "$HOOKS" ] && pair q "$HOOKS"
      [ -n "$BOOT_ENTRY" ] && pair y "$BOOT_ENTRY"
      [ -s "$STATE/disks" ] && pair d "$(cat "$STATE/disks")"
      [ "$MODE" = deploy ] || pair t "$MODE"
      [ -s "$STATE/progress" ] && pair g "$(cat "$STATE/progress")"
      [ -s "$STATE/hardware" ] && pair h "$(cat "$STATE/hardware")"
      [ -s "$STATE/host-key" ] && pair x "$(cat "$STATE/host-key")"
      [ -s "$STATE/cleaned" ] && pair r "$(cat "$STATE/cleaned")"
      [ -n "$NEW" ] && { pair o "$NEW"; pair j "$FROM"; }
      [ -n "$1" ] && pair e "$(printf %s "$1" | head -c 4096)"
    } | awk -f "$PARTS/form.awk" > "$STATE/body"
    [ "$(wc -c < "$STATE/body")" -lt 65000 ] && return
  done
}

# post: sets CODE, the HTTP status or 000, and LINE, the first line of the answer.
post() {
  {
    printf 'POST / HTTP/1.0\r\nHost: %s:%s\r\nConnection: close\r\n' "$SERVER" "$PORT"
    printf 'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %s\r\n\r\n' "$(wc -c < "$STATE/body")"
    cat "$STATE/body"
  } > "$STATE/request"
  : > "$STATE/answer"
  timeout 10 nc -w 5 "$SERVER" "$PORT" -e "$PARTS/post.sh" 2>/dev/null
  read -r version CODE rest < "$STATE/answer" || CODE=000
  LINE=$(tr -d '\r' < "$STATE/answer" | sed '1,/^$/d' | head -n 1)
}

# announce NUMBER: once.
announce() {
  post
  if [ "$CODE" = 200 ]; then HEARD=$UPTO; say announce "$1 accepted"; else say announce "$1 $CODE $LINE"; fi
}

# heard SECONDS: wait so long for a word; true if one came.
heard() {
  read -t "$1" -r word <&3
}

# announce_until WORD: every 3 s until it is accepted, then every 12 s: a helper that died may have a successor.
announce_until() {
  write_form
  turn=0 number=0 CODE=000
  while :; do
    # What the log has to tell since.
    [ "$CODE" = 200 ] && [ $((turn % 4)) = 0 ] && write_form
    if [ "$CODE" != 200 ] || [ $((turn % 4)) = 0 ]; then announce "$number"; number=$((number + 1)); fi
    turn=$((turn + 1))
    heard 3 || continue
    [ "${word%% *}" = "$1" ] && return
    # What came of another word is told at once.
    obey "$word" && { write_form; CODE=000; }
  done
}

# announce_while PID: what it has got to, every 6 s, until it ends.
announce_while() {
  number=0 turn=0
  # Its zombie is a process too: what it leaves tells that it has ended.
  while kill -0 "$1" 2>/dev/null && [ ! -e "$STATE/cleaned" ] && [ ! -e "$STATE/why" ]; do
    if [ $((turn % 6)) = 0 ]; then write_form; announce "$number"; number=$((number + 1)); fi
    turn=$((turn + 1))
    sleep 1
  done
}

# announce_error TEXT: every 3 s until it is accepted, then every 12 s, until the server is switched off.
announce_error() {
  # What the kernel said of it.
  dmesg 2>/dev/null | tail -n 40 >> "$LOG"
  write_form "$1"
  argument troubleshoot
  # Whoever looks is not disturbed: from now on what is said stands in the log alone.
  [ "$REPLY" = 1 ] && { CONSOLES=; console_shell & }
  number=0
  while :; do
    announce "$number"; number=$((number + 1))
    if [ "$CODE" = 200 ]; then sleep 12; else sleep 3; fi
  done
}
