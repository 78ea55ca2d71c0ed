# The site's own scripts (docs/ramdisk.md): run at the point that their names begin with, in order of their names.

# HOOKS, the field `q`: what is told of those that wait for the helper's word: `waiting`, then `ran`; empty where there are none.
HOOKS=
: "${HOOK_DIR:=$PARTS/hooks}" "${HOOK_SECONDS:=600}"
for hook in "$HOOK_DIR"/before-done*; do [ -e "$hook" ] && HOOKS=waiting; done

# run_hooks POINT: one after another. Or sets WHY, with the last words of the one that failed, and runs no more.
run_hooks() {
  for hook in "$HOOK_DIR/$1"*; do
    [ -e "$hook" ] || continue
    say hook "${hook##*/}"
    DISK=${CHOSEN:+$DEV/$CHOSEN} HELPER=$SERVER SERIAL=$SERIAL UUID=$UUID \
      timeout "$HOOK_SECONDS" "$hook" > "$STATE/hook" 2>&1 < /dev/null; code=$?
    cat "$STATE/hook" >> "$LOG"
    [ "$code" = 0 ] && continue
    plain "$(grep -v '^$' "$STATE/hook" | tail -n 3 | head -c 1000 | tr '\n' ' ')"
    # What is answered for a program whose time is over, by busybox before 1.36 and since.
    case $code in 124 | 143) how="took longer than $HOOK_SECONDS s" ;; *) how="ended with code $code" ;; esac
    WHY="the hook ${hook##*/} $how${REPLY:+: $REPLY}"
    return 1
  done
}

# run_last_hooks: at the helper's word, once. No writer has the disk any more, and its partitions are those that were written.
run_last_hooks() {
  [ "$HOOKS" = waiting ] || return 1
  unexport
  settle
  read_table || say warning "the kernel does not take the new partition table of $CHOSEN"
  run_hooks before-done || { fail "$WHY"; return; }
  sync
  HOOKS=ran
}
