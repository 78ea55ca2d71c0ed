import { readUuid, writeUuid } from "./uuid.ts";

/** What a swap area's header tells. */
export interface SwapHeader {
  /** Bytes; whole pages of 4 KiB, at least 10. */
  readonly size: number;
  readonly uuid: string;
  /** At most 16 bytes. */
  readonly label: string;
}

// union swap_header of linux/swap.h: 1024 bytes for a boot block, then version, last page, bad pages, UUID, label.
const [page, versionAt, lastPageAt, uuidAt, labelAt, magicAt] = [4096, 1024, 1028, 1036, 1052, 4086];
const magic = "SWAPSPACE2";

/** The first page of a swap area; the rest of it needs no content. */
export function encodeSwap({ size, uuid, label }: SwapHeader): Buffer {
  const header = Buffer.alloc(page);
  header.writeUInt32LE(1, versionAt);
  header.writeUInt32LE(Math.floor(size / page) - 1, lastPageAt);
  writeUuid(header, uuidAt, uuid);
  header.write(label.slice(0, 16), labelAt, "latin1");
  header.write(magic, magicAt, "latin1");
  return header;
}

/** What a swap area's first page says; undefined when it is none. */
export function decodeSwap(header: Buffer): SwapHeader | undefined {
  if (header.length < page || header.toString("latin1", magicAt, page) !== magic) return undefined;
  return {
    size: (header.readUInt32LE(lastPageAt) + 1) * page,
    uuid: readUuid(header, uuidAt),
    label: header.toString("latin1", labelAt, labelAt + 16).replace(/\0.*$/s, ""),
  };
}
