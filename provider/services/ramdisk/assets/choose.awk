# Which of the disks is meant. Input: the list of disks, `key=value` pairs joined by tabs. Given: `hints`, a file of
# `key<TAB>value` lines in Ironic's vocabulary; `disk`, the name that a classic boot configuration gives.
# Output: "ok NAME", "none WHY" or "many WHY" or "bad WHY".

function squeeze(text) {
  text = tolower(text)
  gsub(/[ _\t]+/, " ", text)
  sub(/^ /, "", text); sub(/ $/, "", text)
  return text
}

function bare(text) {
  text = squeeze(text)
  sub(/^(0x|naa\.)/, "", text)
  return text
}

# The part of a value before its content: ">=", "s!=", "<in>"; empty if there is none.
function operator(value) {
  if (match(value, /^ *(<in>|<or>|<all-in>|s==|s!=|==|!=|>=|<=|=|>|<) */)) {
    rest = substr(value, RLENGTH + 1)
    value = substr(value, 1, RLENGTH)
    gsub(/ /, "", value)
    return value
  }
  rest = value
  return ""
}

function compare_numbers(is, op, want) {
  if (op == "" || op == "==") return is == want
  if (op == "!=") return is != want
  if (op == ">=" || op == "=") return is >= want
  if (op == "<=") return is <= want
  if (op == ">") return is > want
  if (op == "<") return is < want
  fault = "operator " op " does not fit a number"
  return 0
}

# A number without a unit counts GiB, whole ones, as in Ironic.
function compare_size(is, value,    op, unit, factor) {
  op = operator(value)
  unit = rest
  sub(/^[0-9.]+ */, "", unit); gsub(/ /, "", unit)
  if (rest !~ /^[0-9.]+ *[A-Za-z]*$/ || !((unit) in units)) { fault = "size " value " is not understood"; return 0 }
  factor = units[unit]
  if (unit == "" || op == "" || op == "==" || op == "!=") return compare_numbers(int(is / factor), op, rest + 0)
  return compare_numbers(is, op, rest * factor)
}

function compare_texts(is, value, how,    op, count, any, at) {
  op = operator(value)
  if (op == "" || op == "s==" || op == "==") return tidy(is, how) == tidy(rest, how)
  if (op == "s!=" || op == "!=") return tidy(is, how) != tidy(rest, how)
  if (op == "<in>") return index(tidy(is, how), tidy(rest, how)) > 0
  if (op == "<or>") {
    count = split(rest, any, / *<or> */)
    for (at = 1; at <= count; at++) if (tidy(is, how) == tidy(any[at], how)) return 1
    return 0
  }
  fault = "operator " op " does not fit a text"
  return 0
}

function tidy(text, how) {
  if (how == "wwn") return bare(text)
  if (how == "flag") { text = squeeze(text); return text == "true" || text == "1" || text == "yes" || text == "on" }
  sub(/^\/dev\/(disk\/by-(path|id)\/)?/, "", text)
  return squeeze(text)
}

function meets(key, value) {
  if (key == "size") return compare_size(of["size"] + 0, value)
  if (key == "wwn" || key == "wwn_with_extension") return compare_texts(of["wwn"], value, "wwn")
  if (key == "rotational") return compare_texts(of["rotational"], value, "flag")
  if (key == "by_path" || key == "byPath") return compare_texts(of["byPath"], value, "")
  if (key == "by_id" || key == "byId") return compare_texts(of["byId"], value, "")
  if (key == "name") return compare_texts(value ~ /by-id/ ? of["byId"] : value ~ /by-path/ ? of["byPath"] : of["name"], value, "")
  if (key == "serial" || key == "model" || key == "vendor" || key == "hctl") return compare_texts(of[key], value, "")
  fault = "root device hint " key " is not known"
  return 0
}

function shown(key) {
  if (key == "size") return sprintf("%.1f GiB", of["size"] / 1073741824)
  if (key == "by_path") return of["byPath"]
  if (key == "by_id") return of["byId"]
  return of[key]
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
    if (cut > 0) { hint_keys[++hint_count] = substr(line, 1, cut - 1); hint_values[hint_count] = substr(line, cut + 1) }
  }
  # Only a single name is a choice; the classic list of names says "whatever there is".
  if (hint_count == 0 && disk != "" && disk !~ /,/) { hint_keys[++hint_count] = "name"; hint_values[hint_count] = disk }
}

{
  split("", of)
  for (at = 1; at <= NF; at++) { cut = index($at, "="); of[substr($at, 1, cut - 1)] = substr($at, cut + 1) }
  why = of["unfit"]
  for (at = 1; at <= hint_count && why == ""; at++) {
    if (!meets(hint_keys[at], hint_values[at])) {
      why = hint_keys[at] " is " (shown(hint_keys[at]) == "" ? "unknown" : shown(hint_keys[at])) ", not " hint_values[at]
    }
  }
  if (why == "") { chosen = of["name"]; matches = matches (matches == "" ? "" : ", ") describe(); count++ }
  rejected = rejected (rejected == "" ? "" : "; ") of["name"] ": " (why == "" ? "meets all" : why)
}

END {
  if (fault != "") print "bad " fault
  else if (count == 1) print "ok " chosen
  else if (count > 1 && hint_count == 0) print "many " count " disks qualify and no root device hint tells which is meant: " matches
  else if (count > 1) print "many " count " disks meet the root device hints: " matches
  else if (NR == 0) print "none no disk was found: the driver of its controller may be missing"
  else if (hint_count == 0) print "none no disk qualifies: " rejected
  else print "none no disk meets the root device hints: " rejected
}
