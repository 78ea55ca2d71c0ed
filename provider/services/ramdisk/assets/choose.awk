# Which of the disks is meant. Input: the list of disks, `key=value` pairs joined by tabs. Given: `hints`, a file of
# `key<TAB>value` lines in Ironic's vocabulary; `disk`, the name that a classic boot configuration gives.
# Output: "ok NAME", "none WHY" or "many WHY" or "bad WHY".
# The rules are those of provider/resources/hints.ts, word for word; a test holds both against one table.

function squeeze(text) {
  text = tolower(text)
  gsub(/[ _\t]+/, " ", text)
  sub(/^ /, "", text); sub(/ $/, "", text)
  return text
}

# A World Wide Name without the letters before it.
function bare(text) {
  text = squeeze(text)
  sub(/^(wwn-|nvme-)?(0x|naa\.|eui\.)?/, "", text)
  gsub(/:/, "", text)
  return text
}

function trim(text) {
  sub(/^ +/, "", text); sub(/ +$/, "", text)
  return text
}

function tidy(key, text) {
  if (key ~ /^wwn/) return bare(text)
  sub(/^\/dev\/(disk\/by-(path|id)\/)?/, "", text)
  return squeeze(text)
}

# read_value TEXT: sets op, want[1..wants].
function read_value(text,    cut) {
  text = trim(text); op = ""
  split("", want)
  if (match(text, /^(<all-in>|<range-in>|<in>|<or>|s==|s!=|s<=|s>=|s<|s>|==|!=|<=|>=|<|>|=)/)) {
    op = substr(text, 1, RLENGTH)
    text = trim(substr(text, RLENGTH + 1))
  }
  if (op == "<or>") wants = split(text, want, "<or>")
  else if (op == "<all-in>") wants = split(text, want, " ")
  else wants = 1
  if (wants == 1 || wants == 0) { wants = 1; want[1] = text }
  for (cut = 1; cut <= wants; cut++) want[cut] = trim(want[cut])
}

function bad(why) { if (fault == "") fault = why }

# compare IS OP WANT: numbers as numbers, texts as texts, whatever they look like.
function compare(is, how, other) {
  if (how == "==") return is == other
  if (how == "!=") return is != other
  if (how == ">=") return is >= other
  if (how == "<=") return is <= other
  if (how == ">") return is > other
  return is < other
}

# amount TEXT: sets digits, step, named; false if it is none. A number without a unit counts GiB.
function amount(text,    unit, places) {
  if (text !~ /^[0-9]+(\.[0-9]+)? *[A-Za-z]*$/) return 0
  unit = text; sub(/^[0-9.]+ */, "", unit)
  if (!(unit in units)) return 0
  sub(/ *[A-Za-z]*$/, "", text)
  places = index(text, ".") ? length(text) - index(text, ".") : 0
  sub(/\./, "", text)
  digits = text + 0; named = (unit != "")
  # The ramdisk's awk knows no powers.
  for (step = 1; places > 0; places--) step *= 10
  step = units[unit] / step
  return 1
}

function meets_range(size, text,    ends, first, low, high) {
  ends = substr(text, 1, 1) substr(text, length(text), 1)
  text = trim(substr(text, 2, length(text) - 2))
  if (ends !~ /^[[(][])]$/ || !match(text, /^[0-9.]+ *[A-Za-z]*/)) { bad("size range is not understood"); return 0 }
  first = substr(text, 1, RLENGTH); text = trim(substr(text, RLENGTH + 1))
  if (!amount(trim(first))) { bad("size " first " is not understood"); return 0 }
  low = digits * step
  if (!amount(text)) { bad("size " text " is not understood"); return 0 }
  high = digits * step
  if (low > high) { bad("size range ends before it begins"); return 0 }
  return (ends ~ /^\[/ ? size >= low : size > low) && (ends ~ /\]$/ ? size <= high : size < high)
}

function meets_size(size,    how, at, met, whole) {
  if (op == "<range-in>") return meets_range(size, want[1])
  how = (op == "" || op == "<or>") ? "==" : op == "=" ? ">=" : op
  if (how !~ /^([=!<>]=|[<>])$/) { bad("operator " op " does not fit a size"); return 0 }
  for (at = 1; at <= wants; at++) {
    if (!amount(want[at]) || digits == 0) { bad("size " want[at] " is not understood"); continue }
    # A disk is never exactly as large as its label: what is counted are whole steps, as Ironic counts whole GiB.
    whole = !named || how == "==" || how == "!="
    if (whole ? compare(int(size / step), how, digits) : compare(size, how, digits * step)) met = 1
  }
  return met + 0
}

# words_of KEY: sets words[1..count]: what the disk answers to it; any of them counts.
function words_of(key,    hex) {
  split("", words); count = 1
  words[1] = of[key]
  if (key ~ /^wwn/) {
    # NAA type 6: sixteen digits of the vendor and sixteen more of its own (SPC-5, 7.7.5.6.5).
    words[1] = of["wwn"]; hex = bare(of["wwn"])
    if (length(hex) != 32 || hex !~ /^6[0-9a-f]+$/) hex = ""
    if (key == "wwn") words[++count] = substr(hex, 1, 16)
    if (key == "wwnVendorExtension") words[1] = substr(hex, 17)
  }
  if (key == "name") {
    words[++count] = of["byId"]; words[++count] = of["byPath"]
    if (of["wwn"] != "") words[++count] = "wwn-" of["wwn"]
  }
}

function meets_text(key,    at, part, met, word, told, first, all) {
  if (op !~ /^(|s?==|s?!=|s<=|s>=|s<|s>|<in>|<or>|<all-in>)$/) { bad("operator " op " does not fit a text"); return 0 }
  for (part = 1; part <= wants; part++) {
    if (want[part] ~ /^s?[=!<>~]/ || want[part] ~ /<(in|or|all-in|range-in)>/) bad("value " want[part] " begins with an operator, or holds one")
    want[part] = tidy(key, want[part])
    if (want[part] == "") bad("root device hint " key " has no value")
  }
  words_of(key)
  first = want[1]
  met = (op ~ /!=/)
  for (at = 1; at <= count; at++) {
    word = tidy(key, words[at])
    if (word == "") continue
    told = 1
    if (op == "<in>") met = met || index(word, first) > 0
    else if (op == "<all-in>") {
      all = 1
      for (part = 1; part <= wants; part++) if (index(word, want[part]) == 0) all = 0
      met = met || all
    }
    else if (op == "" || op == "<or>") { for (part = 1; part <= wants; part++) if (word "" == want[part] "") met = 1 }
    else if (op ~ /!=/) met = met && word "" != want[1] ""
    else met = met || compare(word "", op ~ /==/ ? "==" : substr(op, 2), first "")
  }
  # What a disk does not tell meets nothing, not even "is not": as in Ironic.
  return told && met
}

# Ironic's names and ours, as our schema writes them.
function named_as(key,    at) {
  while ((at = index(key, "_")) > 0) key = substr(key, 1, at - 1) toupper(substr(key, at + 1, 1)) substr(key, at + 2)
  return key
}

function meets(key, value) {
  if (key == "rotational") {
    value = squeeze(value)
    if (value !~ /^(true|1|yes|y|on|t|false|0|no|n|off|f)$/) bad("rotational " value " is neither true nor false")
    return (value ~ /^(true|1|yes|y|on|t)$/) == (of["rotational"] == "true")
  }
  read_value(value)
  if (key == "size") return meets_size(of["size"] + 0)
  if (key ~ /^(serial|wwn|wwnWithExtension|wwnVendorExtension|model|vendor|hctl|byPath|byId|name)$/) return meets_text(key)
  bad("root device hint " key " is not known")
  return 0
}

function shown(key) {
  if (key == "size") return sprintf("%.1f GiB", of["size"] / 1073741824)
  if (key == "wwnWithExtension") key = "wwn"
  if (key == "wwnVendorExtension") { words_of(key); return words[1] == "" ? "unknown" : words[1] }
  return of[key] == "" ? "unknown" : of[key]
}

function describe(    text) {
  text = sprintf("%s (%.1f GiB", of["name"], of["size"] / 1073741824)
  if (of["model"] != "") text = text ", " of["model"]
  if (of["serial"] != "") text = text ", serial " of["serial"]
  return text ", " (of["holds"] == "" ? "blank" : of["holds"]) ")"
}

BEGIN {
  split("B kB MB GB TB KiB MiB GiB TiB", names, " ")
  split("1 1e3 1e6 1e9 1e12 1024 1048576 1073741824 1099511627776", factors, " ")
  for (at in names) units[names[at]] = factors[at] + 0
  units[""] = 1073741824
  while ((getline line < hints) > 0) {
    cut = index(line, "\t")
    if (cut > 0) { hint_keys[++hint_count] = named_as(substr(line, 1, cut - 1)); hint_values[hint_count] = substr(line, cut + 1) }
  }
  # Only a single name is a choice; the classic list of names says "whatever there is".
  if (hint_count == 0 && disk != "" && disk !~ /,/) { hint_keys[++hint_count] = "name"; hint_values[hint_count] = disk }
  # Held against a disk that tells nothing, each hint shows whether it is understood.
  for (at = 1; at <= hint_count; at++) meets(hint_keys[at], hint_values[at])
}

{
  split("", of)
  for (at = 1; at <= NF; at++) { cut = index($at, "="); of[substr($at, 1, cut - 1)] = substr($at, cut + 1) }
  why = of["unfit"]
  for (at = 1; at <= hint_count && why == ""; at++) {
    if (!meets(hint_keys[at], hint_values[at])) why = hint_keys[at] " is " shown(hint_keys[at]) ", not " hint_values[at]
  }
  if (why == "") { chosen = of["name"]; matches = matches (matches == "" ? "" : ", ") describe(); qualify++ }
  rejected = rejected (rejected == "" ? "" : "; ") of["name"] ": " (why == "" ? "meets all" : why)
}

END {
  if (fault != "") print "bad " fault
  else if (qualify == 1) print "ok " chosen
  else if (qualify > 1 && hint_count == 0) print "many " qualify " disks qualify and no root device hint tells which is meant: " matches
  else if (qualify > 1) print "many " qualify " disks meet the root device hints: " matches
  else if (NR == 0) print "none no disk was found: the driver of its controller may be missing"
  else if (hint_count == 0) print "none no disk qualifies: " rejected
  else print "none no disk meets the root device hints: " rejected
}
