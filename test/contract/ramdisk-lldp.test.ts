import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ShellMachine, shellMachine } from "../fixtures/ramdisk-shell.ts";

let machine: ShellMachine;
beforeEach(async () => {
  machine = await shellMachine();
});
afterEach(() => machine.remove());

const tlv = (type: number, ...value: readonly (string | readonly number[])[]): Buffer => {
  const bytes = Buffer.concat(
    value.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part))),
  );
  const head = Buffer.alloc(2);
  head.writeUInt16BE((type << 9) | bytes.length);
  return Buffer.concat([head, bytes]);
};
const frame = (...tlvs: readonly Buffer[]): Buffer =>
  Buffer.concat([
    // What a macvtap puts before each frame.
    Buffer.alloc(10),
    Buffer.from("0180c200000e5254 00ffff0188cc".replace(" ", ""), "hex"),
    ...tlvs,
  ]);
const [end, lifetime] = [tlv(0), tlv(3, [0, 120])];
const chassis = tlv(1, [4, 0, 0x11, 0x22, 0x33, 0x44, 0x55]);
const port = tlv(2, [5], "Ethernet1/7");
const noise = Buffer.concat([
  Buffer.alloc(10),
  Buffer.alloc(6, 0xff),
  Buffer.from("0180c200", "hex"),
  Buffer.alloc(41),
]);

const told = async (heard: Buffer) => {
  await machine.lay({ "state/lldp-eth0": heard });
  return (await machine.run(["lldp"], 'neighbour eth0; printf %s "$REPLY"')).split("\t").slice(1);
};

describe("what a switch says by LLDP", () => {
  it.for([
    {
      what: "a switch by its MAC, all that it tells, among other frames",
      heard: [
        noise,
        frame(
          chassis,
          port,
          lifetime,
          tlv(4, "to rack1"),
          tlv(5, "tor-1"),
          tlv(127, [0, 0x80, 0xc2, 1, 0, 12]),
          end,
        ),
        noise,
      ],
      fields: [
        "chassisId=00:11:22:33:44:55",
        "portId=Ethernet1/7",
        "systemName=tor-1",
        "portDescription=to rack1",
        "vlan=12",
      ],
    },
    {
      what: "a switch by its address, a port by its MAC",
      heard: [frame(tlv(1, [5, 1, 10, 0, 0, 7]), tlv(2, [3, 2, 0, 0, 0, 0, 255]), lifetime, end)],
      fields: ["chassisId=10.0.0.7", "portId=02:00:00:00:00:ff", "systemName=", "portDescription="],
    },
    {
      what: "names without what would break a line, or the form",
      heard: [frame(tlv(1, [7], "a\tb\nc"), tlv(2, [7], "1"), lifetime, tlv(5, "\u0001=é"), end)],
      fields: ["chassisId=a?b?c", "portId=1", "systemName=?=??", "portDescription="],
    },
    {
      what: "the next frame where one is cut off",
      heard: [frame(chassis, Buffer.from([0x04, 0xff])), noise, frame(chassis, port, lifetime, end)],
      fields: ["chassisId=00:11:22:33:44:55", "portId=Ethernet1/7", "systemName=", "portDescription="],
    },
    { what: "nothing where nobody spoke", heard: [noise, noise], fields: [] },
    { what: "nothing where nothing was heard", heard: [], fields: [] },
  ])("is $what", async ({ heard, fields }) => {
    expect(await told(Buffer.concat(heard))).toEqual(fields);
  });
});
