/** The UUID of 16 bytes at an offset, in lower-case text. */
export function readUuid(bytes: Buffer, at: number): string {
  return bytes.toString("hex", at, at + 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Put a UUID into 16 bytes at an offset. */
export function writeUuid(bytes: Buffer, at: number, uuid: string): void {
  bytes.write(uuid.replaceAll("-", ""), at, "hex");
}
