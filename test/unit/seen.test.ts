import { describe, expect, it } from "vitest";
import {
  type Circumstances,
  createSightings,
  describeSeen,
  type Sighting,
} from "../../provider/workflows/seen.ts";

const mac = "52:54:00:00:00:07";
const ip = "10.99.0.7";
/** The n-th sighting is of second n after midnight. */
const after = (sightings: readonly Sighting[]) => {
  let seconds = -1;
  const seen = createSightings(() => ++seconds * 1_000);
  for (const sighting of sightings) seen.note(sighting);
  return seen;
};
const say = (sightings: readonly Sighting[], more: Partial<Circumstances> = {}) =>
  describeSeen(after(sightings), { phase: "call-back", dhcp: "managed", ...more });

describe("what was seen of a server that is waited for in vain", () => {
  const ack: Sighting = { kind: "ack", mac, ip };
  it.for<{ when: string; seen: Sighting[]; more?: Partial<Circumstances>; says: string }>([
    {
      when: "it never booted from the network",
      seen: [],
      says: "no DHCP request of its cards was seen since 00:00:00 UTC; its ramdisk did not call",
    },
    {
      when: "its controller does not show it the ramdisk",
      seen: [{ kind: "stranger", mac: "52:54:00:00:00:08" }],
      more: { medium: true },
      says: "its controller was told to start it from a virtual medium; its ramdisk did not call",
    },
    {
      when: "its ramdisk, from a virtual medium, has an address and does not call",
      seen: [ack],
      more: { medium: true },
      says: `DHCP gave it ${ip} at 00:00:01 UTC; its ramdisk did not call`,
    },
    {
      when: "it boots from another card",
      seen: [{ kind: "stranger", mac: "52:54:00:00:00:08" }],
      says: "no DHCP request of its cards was seen since 00:00:00 UTC; a card that nobody declared, 52:54:00:00:00:08, asked for an address at 00:00:01 UTC; its ramdisk did not call",
    },
    {
      when: "DHCP has no address for it",
      seen: [{ kind: "discover", mac, refused: "no address available" }],
      says: `its card ${mac} asked for an address and got none (no address available) at 00:00:01 UTC; it fetched no file by TFTP; its ramdisk did not call`,
    },
    {
      when: "TFTP is blocked",
      seen: [{ kind: "discover", mac }, { kind: "offer", mac, ip }, { kind: "request", mac, ip }, ack],
      says: `DHCP gave it ${ip} at 00:00:04 UTC; it fetched no file by TFTP; its ramdisk did not call`,
    },
    {
      when: "a boot file is gone",
      seen: [ack, { kind: "sent", file: "pxelinux.0", ip }, { kind: "not found", file: "web-1/kernel", ip }],
      says: `DHCP gave it ${ip} at 00:00:01 UTC; it asked for the file web-1/kernel, which is not there, at 00:00:03 UTC; its ramdisk did not call`,
    },
    {
      when: "a transfer broke off",
      seen: [ack, { kind: "broken", ip, reason: "error 8 User aborted the transfer" }],
      says: `DHCP gave it ${ip} at 00:00:01 UTC; its TFTP transfer broke off (error 8 User aborted the transfer) at 00:00:02 UTC; its ramdisk did not call`,
    },
    {
      when: "port 10000 is blocked",
      seen: [ack, { kind: "sent", file: "web-1/ramdisk", ip }],
      more: { ping: `${ip} answers ping` },
      says: `DHCP gave it ${ip} at 00:00:01 UTC; it fetched web-1/ramdisk at 00:00:02 UTC; its ramdisk did not call; ${ip} answers ping`,
    },
    {
      when: "its call was refused",
      seen: [ack, { kind: "call refused", reason: "key is not match" }],
      says: `DHCP gave it ${ip} at 00:00:01 UTC; it fetched no file by TFTP; its ramdisk called and was refused (key is not match) at 00:00:02 UTC`,
    },
    {
      when: "the other DHCP server gave it no address",
      seen: [{ kind: "proxy", mac }],
      more: { dhcp: "proxy" },
      says: `its card ${mac} was told what to boot (its address is another DHCP server's to give) at 00:00:01 UTC; it fetched no file by TFTP; its ramdisk did not call`,
    },
    {
      when: "the other DHCP server sent GRUB elsewhere",
      seen: [
        { kind: "proxy", mac },
        { kind: "sent", file: "grubx64.efi", ip },
      ],
      more: { dhcp: "proxy" },
      says: `its card ${mac} was told what to boot (its address is another DHCP server's to give) at 00:00:01 UTC; it fetched grubx64.efi at 00:00:02 UTC; GRUB did not ask for its menu here: the other DHCP server has to name this host's address as next server (docs/networks.md); its ramdisk did not call`,
    },
    {
      when: "its DHCP requests do not reach us, beside another server",
      seen: [{ kind: "stranger", mac: "52:54:00:00:00:08" }],
      more: { dhcp: "proxy" },
      says: "no DHCP request of its cards was seen since 00:00:00 UTC; a card that nobody declared, 52:54:00:00:00:08, asked for an address at 00:00:01 UTC; its ramdisk did not call",
    },
    {
      when: "DHCP is not ours",
      seen: [],
      more: { dhcp: "external", ping: `${ip} does not answer ping` },
      says: `its DHCP and TFTP requests go to another server and were not seen; its ramdisk did not call; ${ip} does not answer ping`,
    },
    {
      when: "its system took an address and says no more",
      seen: [ack],
      more: { phase: "answer", ping: `${ip} answers ping` },
      says: `DHCP gave it ${ip} at 00:00:01 UTC; ${ip} answers ping`,
    },
    {
      when: "its system asked for another address",
      seen: [{ kind: "nak", mac, ip: "10.1.0.7", reason: "wrong network" }],
      more: { phase: "answer" },
      says: "DHCP refused it 10.1.0.7 (wrong network) at 00:00:01 UTC",
    },
    {
      when: "another system phoned home",
      seen: [ack, { kind: "phone-home refused", reason: "this is another system" }],
      more: { phase: "answer" },
      says: `DHCP gave it ${ip} at 00:00:01 UTC; it phoned home and was refused (this is another system) at 00:00:02 UTC`,
    },
  ])("says so when $when", ({ seen, more, says }) => {
    expect(say(seen, more)).toBe(says);
  });

  it("is the last of each kind, and nothing of the boot before", () => {
    const seen = after([
      ack,
      { kind: "called" },
      { kind: "release", mac, ip },
      { kind: "call refused", reason: "x" },
    ]);
    expect(describeSeen(seen, { phase: "answer", dhcp: "managed" })).toBe(
      `it gave ${ip} back to DHCP at 00:00:03 UTC; its ramdisk called and was refused (x) at 00:00:04 UTC`,
    );
    seen.forget();
    expect(describeSeen(seen, { phase: "answer", dhcp: "managed" })).toBe(
      "no DHCP request of its cards was seen since 00:00:05 UTC",
    );
  });
});
