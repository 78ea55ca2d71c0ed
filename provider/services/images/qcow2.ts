/**
 * The header of a qcow2 file (QEMU's docs/interop/qcow2.txt), read here and not by qemu-img: a hostile header can name
 * any file of this host as its backing or data file, and qemu-img would open it.
 */

interface Qcow2Extension {
  readonly type: number;
  readonly data: Buffer;
}

export interface Qcow2Header {
  readonly version: 2 | 3;
  readonly clusterBits: number;
  /** Bytes the image fills on a disk. */
  readonly virtualSize: number;
  /** Empty = none. */
  readonly backingFile: string | undefined;
  readonly cryptMethod: number;
  readonly l1Entries: number;
  readonly l1Offset: number;
  readonly refcountOffset: number;
  readonly refcountClusters: number;
  readonly incompatible: bigint;
  readonly compressionType: number;
  readonly extensions: readonly Qcow2Extension[];
}

/** Bits of `incompatible`: who does not know one of them must not open the file. */
export const incompatibleBits = {
  dirty: 1n << 0n,
  corrupt: 1n << 1n,
  externalData: 1n << 2n,
  compressionType: 1n << 3n,
  extendedL2: 1n << 4n,
} as const;

export const extensionTypes = {
  end: 0,
  backingFormat: 0xe2792aca,
  encryption: 0x0537be77,
  externalData: 0x44415441,
} as const;

/** A header that does not obey the format. */
export class MalformedQcow2 extends Error {
  override readonly name = "MalformedQcow2";
}

const must = (holds: boolean, words: string): void => {
  if (!holds) throw new MalformedQcow2(words);
};

/** Read a header from the file's first cluster (at most 2 MiB; less if the file is shorter). Throws MalformedQcow2. */
export function readQcow2Header(head: Buffer): Qcow2Header {
  must(head.length >= 72 && head.readUInt32BE(0) === 0x514649fb, "it is shorter than a qcow2 header");
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3) throw new MalformedQcow2(`version ${version} is not 2 or 3`);
  const clusterBits = head.readUInt32BE(20);
  must(clusterBits >= 9 && clusterBits <= 21, `clusters of 2^${clusterBits} bytes`);
  const clusterSize = 2 ** clusterBits;
  const length = version === 2 ? 72 : headerLength(head);
  must(length <= clusterSize, `a header of ${length} bytes is longer than a cluster`);
  const backingOffset = safe(head.readBigUInt64BE(8), "offset of the backing file's name");
  const end = backingOffset === 0 ? clusterSize : Math.min(backingOffset, clusterSize);
  return {
    version,
    clusterBits,
    virtualSize: safe(head.readBigUInt64BE(24), "size"),
    backingFile: backingName(head, backingOffset),
    cryptMethod: head.readUInt32BE(32),
    ...tables(head, clusterSize),
    incompatible: version === 2 ? 0n : head.readBigUInt64BE(72),
    compressionType: length > 104 ? head.readUInt8(104) : 0,
    extensions: readExtensions(head, length, end),
  };
}

function headerLength(head: Buffer): number {
  must(head.length >= 104, "it is shorter than a qcow2 header");
  const length = head.readUInt32BE(100);
  must(length >= 104 && length <= head.length, `a header of ${length} bytes`);
  must(head.readUInt32BE(96) <= 6, "reference counts wider than 64 bits");
  return length;
}

function tables(head: Buffer, clusterSize: number) {
  const l1Entries = head.readUInt32BE(36);
  const l1Offset = safe(head.readBigUInt64BE(40), "offset of the L1 table");
  const refcountOffset = safe(head.readBigUInt64BE(48), "offset of the reference counts");
  const refcountClusters = head.readUInt32BE(56);
  // The same limits as QEMU's: 32 MiB of L1 table, 8 MiB of reference count table.
  must(l1Entries * 8 <= 32 * 2 ** 20, `an L1 table of ${l1Entries} entries`);
  must(refcountClusters * clusterSize <= 8 * 2 ** 20, `${refcountClusters} clusters of reference counts`);
  must(l1Offset % clusterSize === 0 && refcountOffset % clusterSize === 0, "a table that is not aligned");
  must(refcountClusters > 0 && refcountOffset > 0, "no reference counts");
  return { l1Entries, l1Offset, refcountOffset, refcountClusters };
}

/** A name that is announced counts, even if its length is nonsense. */
function backingName(head: Buffer, offset: number): string | undefined {
  const length = head.readUInt32BE(16);
  if (offset === 0 && length === 0) return undefined;
  return head.subarray(offset, offset + Math.min(length, 1023)).toString("utf8");
}

function readExtensions(head: Buffer, start: number, end: number): readonly Qcow2Extension[] {
  const found: Qcow2Extension[] = [];
  for (let at = start; at + 8 <= end; ) {
    must(at + 8 <= head.length, "the header ends within an extension");
    const [type, length] = [head.readUInt32BE(at), head.readUInt32BE(at + 4)];
    if (type === extensionTypes.end) break;
    at += 8;
    must(length <= end - at && at + length <= head.length, "an extension is longer than its cluster");
    found.push({ type, data: head.subarray(at, at + length) });
    at += Math.ceil(length / 8) * 8;
  }
  return found;
}

function safe(value: bigint, what: string): number {
  must(value <= BigInt(Number.MAX_SAFE_INTEGER), `the ${what} is beyond all measure`);
  return Number(value);
}
