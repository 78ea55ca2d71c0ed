/** What a server says about itself: by SMBIOS, and its controller by its inventory. */
export interface Product {
  readonly manufacturer: string;
  readonly model: string;
  readonly serial: string;
}

/** A FRU inventory (IPMI Platform Management FRU Information Storage Definition 1.0) with a product area only. */
export function fruBytes({ manufacturer, model, serial }: Product): Buffer {
  const fields = [manufacturer, model, "", "", serial, ""].map(field);
  // Format version, length in eights (below), language English; fields; end of fields; rest of eight and checksum.
  const body = Buffer.concat([Buffer.from([1, 0, 25]), ...fields, Buffer.from([0xc1])]);
  const area = Buffer.concat([body, Buffer.alloc(8 - (body.length % 8))]);
  area.writeUInt8(area.length / 8, 1);
  return Buffer.concat([summed(Buffer.from([1, 0, 0, 0, 1, 0, 0, 0])), summed(area)]);
}

// 0xc0: eight-bit text; the other six bits are its length.
function field(text: string): Buffer {
  if (text.length > 63) throw new RangeError(`a FRU field holds up to 63 characters, not "${text}"`);
  return Buffer.concat([Buffer.from([0xc0 | text.length]), Buffer.from(text, "latin1")]);
}

/** With its last byte set so that all of them add up to zero. */
function summed(bytes: Buffer): Buffer {
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.writeUInt8(-sum & 0xff, bytes.length - 1);
  return bytes;
}
