import type { SourceImage, WriteTarget } from "./driver.ts";
import type { Range } from "./ranges.ts";

/** A node of QEMU's block layer, as its options; values nest by dots. */
export type Block = Readonly<Record<string, string | number>>;

/** QEMU's `key=value,...`, where a comma inside a value is doubled. */
export const blockOptions = (block: Block): string =>
  Object.entries(block)
    .map(([key, value]) => `${key}=${String(value).replaceAll(",", ",,")}`)
    .join(",");

/** The same options one level down: under `file.`, `raw.` or `test.`. */
export const nested = (name: string, block: Block): Block =>
  Object.fromEntries(Object.entries(block).map(([key, value]) => [`${name}.${key}`, value]));

/** An image file, with its format said: a format guessed from content is one that the content's author chooses. */
export function imageBlock({ path, format }: Pick<SourceImage, "path" | "format">): Block {
  return { driver: format, "file.driver": "file", "file.filename": path };
}

/** The whole disk that a ramdisk exports, as raw bytes. */
export function diskBlock({ address, port, iqn, lun }: WriteTarget): Block {
  const host = address.includes(":") ? `[${address}]` : address;
  const iscsi = { driver: "iscsi", transport: "tcp", portal: `${host}:${port}`, target: iqn, lun };
  return { driver: "raw", ...nested("file", iscsi) };
}

/** A stretch of another block. */
export function part(block: Block, { start, length }: Range): Block {
  const own = { driver: "raw", offset: start, size: length };
  // A raw node takes offset and size itself; one raw node more would only cost.
  if (block["driver"] === "raw" && block["offset"] === undefined) return { ...block, ...own };
  return { ...own, ...nested("file", block) };
}
