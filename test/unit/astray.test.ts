import { describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { createSwitchboard } from "../../provider/site/local/calls.ts";
import { astrayOf, type Start } from "../../provider/workflows/astray.ts";
import { createSightings, type Sighting } from "../../provider/workflows/seen.ts";
import { openOneServer } from "../fixtures/one-server.ts";
import { ref } from "../fixtures/site-parts.ts";

const [mac, ip] = ["52:54:00:00:00:01", "10.99.0.7"];
const ack: Sighting = { kind: "ack", mac, ip };
const menu: Sighting = { kind: "sent", file: `grub/node-${mac}.cfg`, ip };
const called = (boot: string): Sighting => ({ kind: "called", boot });

const where = (sightings: readonly Sighting[], more: Partial<Start>) => {
  let now = 0;
  const seen = createSightings(() => ++now);
  for (const sighting of sightings) seen.note(sighting);
  const usual = { watched: true, managed: true, fromNetwork: false, firmware: "uefi", pings: false } as const;
  return astrayOf({ ...usual, seen, writer: "boot-1", ...more });
};

describe("a server that was to start its system", () => {
  it.for<{ when: string; seen: Sighting[]; more?: Partial<Start>; is: string | undefined }>([
    { when: "took an address", seen: [ack], is: undefined },
    { when: "asked the network and then took an address", seen: [ack, menu, ack], is: undefined },
    { when: "asked the network, and was not heard since", seen: [ack, menu], is: "network" },
    { when: "asked so while DHCP had another ear", seen: [menu], is: "network" },
    { when: "boots from there all its life", seen: [ack, menu], more: { fromNetwork: true }, is: undefined },
    { when: "called from another boot of the ramdisk", seen: [ack, menu, called("boot-2")], is: "ramdisk" },
    {
      when: "called so where DHCP is not ours",
      seen: [called("boot-2")],
      more: { managed: false },
      is: "ramdisk",
    },
    { when: "called once more before it went", seen: [called("boot-1")], is: undefined },
    { when: "was not heard at all", seen: [], is: "firmware" },
    { when: "was not heard at all, but answers an echo", seen: [], more: { pings: true }, is: undefined },
    { when: "was not heard by a helper that came later", seen: [], more: { watched: false }, is: undefined },
    { when: "was not heard as DHCP is not ours", seen: [], more: { managed: false }, is: undefined },
    { when: "was not heard, and starts by BIOS", seen: [], more: { firmware: "bios" }, is: undefined },
    {
      when: "phoned home and was refused",
      seen: [{ kind: "phone-home refused", reason: "x" }],
      is: undefined,
    },
  ])("and $when is in: $is", ({ seen, more = {}, is }) => {
    expect(where(seen, more)).toBe(is);
  });
});

describe("a boot loader that is asked for", () => {
  it("is remembered of a card whose server nobody waits for, until somebody does", () => {
    const board = createSwitchboard();
    const line = () =>
      board.open({
        ...{
          id: "d-1",
          key: "k",
          node: "n1",
          arch: "x86_64",
          firmware: "uefi",
          classic: false,
          report: () => {},
        },
        expected: { macs: [mac] },
      });
    const { close } = line();
    board.starts(mac, { firmware: "uefi", arch: "x86_64" });
    expect(board.strayed([mac])).toBeUndefined();
    close();
    board.starts(mac, { firmware: "uefi", arch: "x86_64" });
    expect(board.strayed(["52:54:00:00:00:02", mac])).toBeGreaterThan(0);
    expect(board.strayed(["52:54:00:00:00:02"])).toBeUndefined();
    line();
    expect(board.strayed([mac])).toBeUndefined();
  });

  it("is told by a refresh of a system that should start from its disk", async () => {
    const { site, server, install } = await openOneServer();
    const state = await install();
    const look = async () => {
      site.words.length = 0;
      const seen = await site.instances.observe(newContext({ log: site.ctx.log }), ref("web-1"), { state });
      expect(seen).toMatchObject({ drift: [], power: "on" });
      return site.words.join();
    };
    expect(await look()).not.toContain("booted from the network");
    site.parts.switchboard.starts(server.mac, { firmware: "bios", arch: "x86_64" });
    expect(await look()).toContain("n1 booted from the network at ");
    await site.close();
  });
});
