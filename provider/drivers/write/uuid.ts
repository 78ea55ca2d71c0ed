/** The UUID of 16 bytes at an offset, in lower-case text. */
export function readUuid(bytes: Buffer, at: number): string {
  return bytes.toString("hex", at, at + 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Put a UUID into 16 bytes at an offset. */
export function writeUuid(bytes: Buffer, at: number, uuid: string): void {
  bytes.write(uuid.replaceAll("-", ""), at, "hex");
}

/** The GUID of 16 bytes at an offset, where firmware swaps the bytes of the first three groups. */
export const readGuid = (bytes: Buffer, at: number): string =>
  readUuid(swapped(bytes.subarray(at, at + 16)), 0);

/** Put a GUID into 16 bytes at an offset, in firmware's order of bytes. */
export function writeGuid(bytes: Buffer, at: number, guid: string): void {
  const plain = Buffer.alloc(16);
  writeUuid(plain, 0, guid);
  bytes.set(swapped(plain), at);
}

function swapped(guid: Buffer): Buffer {
  const copy = Buffer.from(guid);
  copy.subarray(0, 4).swap32();
  copy.subarray(4, 8).swap16();
  return copy;
}
