# Drives that erase themselves, also what they have set aside: NVMe sanitize or format, ATA security erase. Offsets of NVMe
# fields are those of the NVM Express Base Specification 2.0, figures 275 (controller) and 287 (sanitize status).

: "${POLL:=5}" "${SAMPLES:=64}"

# field FILE AT BYTES: a number in it.
field() {
  number "$(od -An -v -tx1 -j "$2" -N "$3" "$1" 2>>"$LOG" | tr -d ' \n')"
}

# erases_itself NAME: by what: `sanitize crypto`, `sanitize block`, `format crypto`, `format data`, `enhanced erase`, `erase`.
# Not at once: `locked` (somebody's password is set), `frozen`. Never: `none: REASON`.
erases_itself() {
  get "$SYS/block/$1/device/vendor"
  case $1:$REPLY in
    nvme*) nvme_means "$1" ;;
    sd*:ATA*) ata_means "$1" ;;
    *) REPLY='none: it is neither an NVMe nor an ATA drive' ;;
  esac
}

# tell_means: `erase` in the line of each disk that may be erased.
tell_means() {
  for one in $(sed -n "s/^name=\([^$TAB]*\)$TAB.*${TAB}unfit=$TAB.*/\1/p" "$STATE/disks"); do
    erases_itself "$one"
    sed -i "/^name=$one$TAB/s/$/${TAB}erase=$REPLY/" "$STATE/disks"
  done
}

# nvme_means NAME: sanitize erases all namespaces of the drive, and format may: those would be other disks.
nvme_means() {
  nvme id-ctrl "$DEV/$1" --raw-binary > "$STATE/controller" 2>>"$LOG"
  [ "$(wc -c < "$STATE/controller")" = 4096 ] || { REPLY='none: it does not tell what it can do'; return; }
  field "$STATE/controller" 256 2; optional=$REPLY
  field "$STATE/controller" 328 4; sanitizes=$REPLY
  field "$STATE/controller" 524 1; formats=$REPLY
  count=$(nvme list-ns "$DEV/$1" --all 2>>"$LOG" | grep -c ':0x')
  [ "$count" -gt 0 ] || count=$(ls -d "$SYS/block/${1%n*}n"* | wc -l)
  if [ $((sanitizes & 3)) != 0 ] && [ "$count" = 1 ]; then
    REPLY='sanitize block'; [ $((sanitizes & 1)) = 0 ] || REPLY='sanitize crypto'
  elif [ $((optional & 2)) != 0 ] && { [ "$count" = 1 ] || [ $((formats & 3)) = 0 ]; }; then
    REPLY='format data'; [ $((formats & 4)) = 0 ] || REPLY='format crypto'
  elif [ "$count" -gt 1 ]; then REPLY="none: it would erase its $count namespaces together"
  else REPLY='none: it knows neither sanitize nor format'
  fi
}

# sanitize_state NAME: sets STATUS and DONE, of 65536.
sanitize_state() {
  nvme sanitize-log "$DEV/$1" --raw-binary > "$STATE/sanitize" 2>>"$LOG"
  [ "$(wc -c < "$STATE/sanitize")" -ge 4 ] || return
  field "$STATE/sanitize" 0 2; DONE=$REPLY
  field "$STATE/sanitize" 2 2; STATUS=$((REPLY & 7))
}

# nvme_sanitize NAME HOW: one that was begun goes on by itself, also over a loss of power. It takes what it takes.
nvme_sanitize() {
  sanitize_state "$1" || { WHY="$1 does not tell how far its sanitize is"; return 1; }
  if [ "$STATUS" != 2 ]; then
    case $2 in block) action=2 ;; crypto) action=4 ;; esac
    nvme sanitize "$DEV/$1" --sanact="$action" > "$STATE/answer-of-drive" 2>&1 || { refused "$1" sanitize; return; }
  fi
  silent=0
  while [ "$silent" -lt 60 ]; do
    sleep "$POLL"
    sanitize_state "$1" || { silent=$((silent + 1)); continue; }
    silent=0
    case $STATUS in
      2) progress $((size / 65536 * DONE)) "$size" ;;
      1 | 4) return ;;
      3) WHY="$1 failed to sanitize itself, and tells no more"; return 1 ;;
      *) WHY="$1 did not begin to sanitize itself"; return 1 ;;
    esac
  done
  WHY="$1 no longer tells how far its sanitize is"
  return 1
}

# nvme_format NAME HOW: at most a day, in milliseconds; the program's own limit is ten minutes.
nvme_format() {
  case $2 in data) setting=1 ;; crypto) setting=2 ;; esac
  nvme format "$DEV/$1" --ses="$setting" --force --timeout=86400000 > "$STATE/answer-of-drive" 2>&1 || refused "$1" format
}

refused() {
  cat "$STATE/answer-of-drive" >> "$LOG"
  plain "$(tail -n 1 "$STATE/answer-of-drive" | head -c 300)"
  WHY="$1 refused to $2: $REPLY"
  return 1
}

# ata_state NAME: the words of `hdparm -I` on its security that hold, and minutes that an erase is to take.
ata_state() {
  hdparm -I "$DEV/$1" 2>>"$LOG" | awk '
    /^Security:/ { inside = 1; next }
    inside && /^[^ \t]/ { exit }
    !inside || $1 == "not" { next }
    /supported: enhanced erase/ { print "enhanced"; next }
    /SECURITY ERASE UNIT/ {
      if (match($0, /[0-9]+min for SECURITY/)) print "minutes", substr($0, RSTART) + 0
      if (match($0, /[0-9]+min for ENHANCED/)) print "enhanced-minutes", substr($0, RSTART) + 0
      next
    }
    { print $1 }' > "$STATE/security"
}
is() { grep -q "^$1$" "$STATE/security"; }

ata_means() {
  ata_state "$1"
  if ! is supported; then REPLY='none: it has no ATA security feature'
  elif is frozen; then REPLY=frozen
  elif is enabled; then REPLY=locked
  elif is enhanced; then REPLY='enhanced erase'
  else REPLY=erase
  fi
}

# ata_erase NAME: the password, which the helper remembers already, is gone with the rest. What hdparm answers shows it, and its
# code is 0 where the drive refused: only the drive's state tells.
ata_erase() {
  [ -n "$DRIVE_PASSWORD" ] || { WHY="the helper gave no password for $1"; return 1; }
  if ! is enabled; then
    hdparm --user-master u --security-set-pass "$DRIVE_PASSWORD" "$DEV/$1" > /dev/null 2>&1
    ata_state "$1"
    is enabled || { WHY="$1 did not take a password"; return 1; }
  fi
  kind= minutes=minutes
  is enhanced && kind=-enhanced minutes=enhanced-minutes
  minutes=$(sed -n "s/^$minutes //p" "$STATE/security")
  rm -f "$STATE/erased"
  { hdparm --user-master u "--security-erase$kind" "$DRIVE_PASSWORD" "$DEV/$1" > /dev/null 2>&1; echo > "$STATE/erased"; } &
  seconds; since=$REPLY
  while [ ! -e "$STATE/erased" ]; do
    sleep "$POLL"
    # It does not tell; by what it says it takes, and never all of it.
    seconds; share=$(((REPLY - since) * 100 / (${minutes:-60} * 60 + 1)))
    progress $((size / 100 * (share > 99 ? 99 : share))) "$size"
  done
  ata_state "$1"
  is enabled || return 0
  WHY="$1 did not erase itself, and is locked: its password was not ours, or it was interrupted"
  return 1
}

# digest_at NAME BYTE: of 4 KiB; empty if it cannot be read.
digest_at() {
  /usr/bin/dd if="$DEV/$1" of="$STATE/sample" bs=4096 count=1 iflag=skip_bytes skip="$2" status=none 2>>"$LOG" || { REPLY=; return 1; }
  REPLY=$(sha256sum < "$STATE/sample"); REPLY=${REPLY%% *}
}

# take_samples NAME: what so many places hold.
take_samples() {
  : > "$STATE/samples"
  for part in $(seq 0 $((SAMPLES - 1))); do
    at=$(((size - 4096) / (SAMPLES - 1) / 4096 * 4096 * part))
    digest_at "$1" "$at" && echo "$at $REPLY" >> "$STATE/samples"
  done
}

# compare_samples NAME: each reads zeros, or something else than before.
compare_samples() {
  blockdev --flushbufs "$DEV/$1" 2>>"$LOG"
  blank=$(head -c 4096 /dev/zero | sha256sum); blank=${blank%% *}
  while read -r at before; do
    digest_at "$1" "$at" || { WHY="$1 cannot be read at byte $at after it erased itself"; return 1; }
    [ "$REPLY" = "$blank" ] || [ "$REPLY" != "$before" ] || { WHY="$1 still holds at byte $at what it held before"; return 1; }
  done < "$STATE/samples"
}

# wipe_secure NAME: never by another way than the drive's own. Its ends are overwritten after it, as what was erased by its key reads
# anything.
wipe_secure() {
  size_of "$1"; size=$REPLY
  erases_itself "$1"; how=$REPLY
  take_samples "$1"
  case $how in
    'sanitize '*) nvme_sanitize "$1" "${how#* }" ;;
    'format '*) nvme_format "$1" "${how#* }" ;;
    *erase | locked) ata_erase "$1" ;;
    *) WHY="$1 does not erase itself: ${how#none: }"; return 1 ;;
  esac || return
  say erased "$1 $how"
  compare_samples "$1" && wipe_metadata "$1"
}
