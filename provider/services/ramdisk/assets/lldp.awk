# The first LLDP frame in the hexadecimal digits of many frames: its fields as pairs, each with a tab before it.
# TLVs as IEEE 802.1AB-2016, 8.4, lays them: 7 bits of type, 9 of length, then the value.

function number(digits,   i, n) {
  n = 0
  for (i = 1; i <= length(digits); i++) n = n * 16 + index("0123456789abcdef", substr(digits, i, 1)) - 1
  return n
}

function text(digits,   i, n, all) {
  all = ""
  for (i = 1; i < length(digits); i += 2) {
    n = number(substr(digits, i, 2))
    all = all (n >= 32 && n < 127 ? sprintf("%c", n) : "?")
  }
  return all
}

function joined(digits, mark, decimal,   i, all) {
  all = ""
  for (i = 1; i < length(digits); i += 2)
    all = all (i > 1 ? mark : "") (decimal ? number(substr(digits, i, 2)) : substr(digits, i, 2))
  return all
}

# An id begins with its kind: a MAC, a network address, or a name.
function id(digits, mac) {
  if (number(substr(digits, 1, 2)) == mac && length(digits) == 14) return joined(substr(digits, 3), ":")
  if (substr(digits, 1, 4) == address "01" && length(digits) == 12) return joined(substr(digits, 5), ".", 1)
  return text(substr(digits, 3))
}

{ all = all $0 }

END {
  while (match(all, /0180c20000(0e|03|00)............88cc0[23]/)) {
    start = RSTART; rest = substr(all, start + 28); all = substr(all, start + 1)
    # Found between two bytes: it only looks like one.
    if ((start + before) % 2 == 0) { before += start; continue }
    before += start
    chassis = port = name = description = vlan = ""
    while (length(rest) >= 4) {
      head = number(substr(rest, 1, 4)); type = int(head / 512); size = (head % 512) * 2
      value = substr(rest, 5, size); rest = substr(rest, 5 + size)
      if (type == 0 || length(value) < size) break
      if (type == 1) { address = "05"; chassis = id(value, 4) }
      else if (type == 2) { address = "04"; port = id(value, 3) }
      else if (type == 4) description = text(value)
      else if (type == 5) name = text(value)
      else if (type == 127 && substr(value, 1, 8) == "0080c201") vlan = number(substr(value, 9, 4))
    }
    # Cut off in the middle: the next one, then.
    if (type != 0 || chassis == "" || port == "") continue
    printf "\tchassisId=%s\tportId=%s\tsystemName=%s\tportDescription=%s", chassis, port, name, description
    if (vlan != "") printf "\tvlan=%s", vlan
    exit
  }
}
