import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Keys, keysOf, type Login, suites } from "../../provider/drivers/power/ipmi/rmcp/keys.ts";
import { decodeMessage, encodeMessage } from "../../provider/drivers/power/ipmi/rmcp/message.ts";
import {
  decodePacket,
  decodePlain,
  encodePacket,
  encodePlain,
} from "../../provider/drivers/power/ipmi/rmcp/packet.ts";

const bytes = (most: number) => fc.uint8Array({ maxLength: most }).map((array) => Buffer.from(array));
const nonZero = fc.integer({ min: 1, max: 0xffff_ffff });

/** Keys of any login. */
const keys = fc
  .record({ suite: fc.constantFrom(3, 17), user: bytes(16), password: bytes(20), random: bytes(16) })
  .map(({ suite, random, ...who }) => {
    const login = { consoleId: 1, controllerId: 2, guid: Buffer.alloc(16), role: 0x13, kg: who.password };
    const drawn = { consoleRandom: random, controllerRandom: random };
    return keysOf({ suite: suites[suite], ...login, ...drawn, ...who } as Login);
  });

const packet = fc.record({
  ...{ payload: fc.integer({ min: 0, max: 0x3f }), session: nonZero, sequence: nonZero },
  body: bytes(200),
});

describe("a datagram of RMCP+", () => {
  it("is read as it was written, in a session and outside of one", () => {
    fc.assert(
      fc.property(packet, keys, (one, its) => {
        expect(decodePacket(encodePacket(one, its), () => its)).toEqual(one);
        const outside = { ...one, session: 0, sequence: 0 };
        expect(decodePacket(encodePacket(outside), () => undefined)).toEqual(outside);
      }),
    );
  });

  it("is nobody's when one bit was turned, it was cut, or other keys are asked", () => {
    fc.assert(
      fc.property(
        packet,
        keys,
        keys,
        fc.nat(),
        fc.integer({ min: 0, max: 7 }),
        (one, its, others, at, bit) => {
          const sent = encodePacket(one, its);
          const read = (datagram: Buffer, by: Keys = its) => decodePacket(datagram, () => by);
          const turned = Buffer.from(sent);
          const place = at % sent.length;
          turned.writeUInt8(turned.readUInt8(place) ^ (1 << bit), place);
          expect(read(turned)).toBeUndefined();
          expect(read(sent.subarray(0, place))).toBeUndefined();
          fc.pre(!others.cipher.equals(its.cipher));
          expect(read(sent, others)).toBeUndefined();
        },
      ),
    );
  });

  it("is never taken from noise", () => {
    fc.assert(
      fc.property(bytes(120), keys, (noise, its) => {
        expect(decodePacket(noise, () => its)).toBeUndefined();
        expect(decodePlain(noise) ?? Buffer.alloc(0)).toBeInstanceOf(Buffer);
        expect(() => decodeMessage(noise)).not.toThrow();
      }),
    );
  });

  it("in clear is refused where a session has to be protected", () => {
    const clear = encodePacket({ payload: 0, session: 7, sequence: 1, body: Buffer.from("x") });
    fc.assert(
      fc.property(keys, (its) => {
        expect(decodePacket(clear, () => its)).toBeUndefined();
      }),
    );
  });
});

const message = fc.record({
  ...{ netFn: fc.integer({ min: 0, max: 63 }), command: fc.integer({ min: 0, max: 255 }) },
  ...{ sequence: fc.integer({ min: 0, max: 63 }), data: bytes(40) },
});

describe("a message of IPMI", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(message, (one) => {
        expect(decodeMessage(encodeMessage(one))).toEqual(one);
        expect(decodePlain(encodePlain(encodeMessage(one)))).toEqual(encodeMessage(one));
      }),
    );
  });

  it("is none when a byte of it is another", () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.integer({ min: 1, max: 255 }), (one, at, by) => {
        const sent = encodeMessage(one);
        const place = at % sent.length;
        sent.writeUInt8((sent.readUInt8(place) + by) & 0xff, place);
        expect(decodeMessage(sent)).toBeUndefined();
      }),
    );
  });

  it("has the bytes of the standard: Get Chassis Status, as ipmitool sends it", () => {
    const asked = encodeMessage({ netFn: 0, command: 1, sequence: 3, data: Buffer.alloc(0) });
    expect(asked.toString("hex")).toBe("2000e0810c0172");
  });
});
