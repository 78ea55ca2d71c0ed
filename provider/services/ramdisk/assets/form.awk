# The body of an HTTP form. Input: NAME \001 VALUE \002, repeated. Percent-encodes all but letters, digits and ._~-
BEGIN {
  RS = "\002"; FS = "\001"
  for (code = 1; code < 256; code++) { char = sprintf("%c", code); as[char] = sprintf("%%%02X", code) }
  plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-"
  for (at = 1; at <= length(plain); at++) { char = substr(plain, at, 1); as[char] = char }
}
NF == 2 {
  line = ""
  for (at = 1; at <= length($2); at++) line = line as[substr($2, at, 1)]
  printf "%s%s=%s", (NR > 1 ? "&" : ""), $1, line
}
