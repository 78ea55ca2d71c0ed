/** Kinds of public keys that OpenSSH takes (sshd(8), "AUTHORIZED_KEYS FILE FORMAT"). */
const kinds = [
  "ssh-ed25519",
  "ssh-rsa",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "sk-ssh-ed25519@openssh.com",
  "sk-ecdsa-sha2-nistp256@openssh.com",
];

/** Why a text is no public key of OpenSSH; undefined when it is one. The text is not repeated: it may be the private one. */
export function sshKeyFault(text: string): string | undefined {
  if (/PRIVATE KEY/.test(text)) return "This is a private key: give the public one, whose file ends in .pub";
  if (/[\r\n]/.test(text.trim())) return "Expected one public key, on one line";
  const [kind = "", body = ""] = text.trim().split(/[ \t]+/);
  if (kind === "ssh-dss") return "OpenSSH refuses DSA keys since its release 7.0: use another kind";
  if (!kinds.includes(kind))
    return 'Expected an OpenSSH public key, as in "ssh-ed25519 AAAAC3Nz… name", without options before it';
  const bytes = Buffer.from(body, "base64");
  const clean = bytes.toString("base64").replace(/=+$/, "") === body.replace(/=+$/, "");
  return clean && fieldsEnd(bytes, kind) ? undefined : `This ${kind} key is damaged or was cut off`;
}

/** A key is a row of fields, each behind its length in 32 bits (RFC 4253, section 6.6); the first one repeats the kind. */
function fieldsEnd(bytes: Buffer, kind: string): boolean {
  const fields: string[] = [];
  let at = 0;
  while (at + 4 <= bytes.length) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) return false;
    fields.push(bytes.toString("latin1", at + 4, end));
    at = end;
  }
  return at === bytes.length && fields.length > 1 && fields[0] === kind;
}
