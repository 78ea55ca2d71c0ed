import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { beforeAll, describe, expect, it } from "vitest";

// Everything happens once, in a user, network and process namespace of its own; the tests look at what was seen there.
const inside = fileURLToPath(new URL("./inside.ts", import.meta.url));
const namespace = "--user --map-root-user --net --pid --fork --kill-child --mount-proc".split(" ");
const [a, b, c] = ["52:54:00:00:00:0a", "52:54:00:00:00:0b", "52:54:00:00:00:0c"];

let seen: Record<string, unknown> = {};
beforeAll(async () => {
  const node = [process.execPath, "--import", "tsx", inside];
  const { stdout } = await execa("unshare", [...namespace, ...node], {
    timeout: 50_000,
    killSignal: "SIGKILL",
  });
  seen = JSON.parse(stdout);
});

describe("dnsmasq, to an enrolled card", () => {
  it("gives its address for ever, the loader and our address, and no router", () => {
    expect(seen["enrolled"]).toEqual({
      ip: "10.99.0.10",
      mask: "24",
      boot_file: "pxelinux.0",
      siaddr: "10.99.0.1",
      lease: "4294967295",
    });
    expect(seen["leases"]).toEqual({ [a]: "10.99.0.10" });
  });

  it("names the loader of each firmware, and none to one that could run neither", () => {
    const x64 = { "0007": "shimx64.efi", "0009": "shimx64.efi" };
    // 19 is arm64's boot by HTTP.
    expect(seen["loaders"]).toEqual({ ...x64, "000b": "shimaa64.efi", "0013": "none" });
  });

  it("sends files whole, and nothing for those that are not there", () => {
    expect(seen).toMatchObject({ fetched: true, absent: "nothing" });
  });

  it("tells what happened, in order", () => {
    const events = seen["events"] as { kind: string }[];
    expect(events.slice(0, 4).map(({ kind }) => kind)).toEqual(["discover", "offer", "request", "ack"]);
    expect(events).toContainEqual({ kind: "ack", ip: "10.99.0.10", mac: a });
    expect(events).toContainEqual({ kind: "sent", file: "/pxelinux.0", ip: "10.99.0.10" });
    expect(events).toContainEqual({ kind: "not found", file: "/pxelinux.cfg/none", ip: "10.99.0.10" });
  });
});

describe("dnsmasq, to all others", () => {
  it("says nothing to a card that is not enrolled", () => {
    expect(seen["unknown"]).toBe("nothing");
    expect(seen["events"]).toContainEqual({
      kind: "discover",
      mac: b,
      refused: "ignored",
      vendorClass: expect.stringContaining("udhcp"),
    });
  });

  it("answers one that is enrolled while it runs, and no more when it has left", () => {
    expect(seen).toMatchObject({ enrolledLater: "10.99.0.11", left: "nothing", leftUnasked: "nothing" });
  });

  it("gives the address of one that left to another at once", () => {
    expect(seen["passedOn"]).toBe("10.99.0.10");
    expect(seen["events"]).toContainEqual({ kind: "release", ip: "10.99.0.10", mac: a });
    expect(seen["events"]).toContainEqual({ kind: "ack", ip: "10.99.0.10", mac: c });
  });
});

describe("the service", () => {
  it("may be started in a namespace of its own, and is ready in a second", () => {
    expect(seen["mayServe"]).toBe(true);
    expect(seen["startMs"]).toBeLessThan(1_000);
  });

  it("starts dnsmasq again when it dies", () => {
    expect(seen["afterDeath"]).toBe("10.99.0.11");
  });

  it("gives up, in words, when it dies again and again", () => {
    expect(seen["givenUp"]).toMatch(/^dnsmasq on v0 ended 5 times in a row .*\[DHCP_DIED\]$/);
  });

  it("leaves no process behind when it is stopped, cancelled, or could not start", () => {
    expect(seen).toMatchObject({ ended: "quietly", leftBehind: [], cancelled: [], leftAtEnd: [] });
  });

  it.for([
    { when: "another one serves already", what: "second", code: "DHCP_PORT_TAKEN" },
    { when: "the interface has another address", what: "noInterface", code: "DHCP_NO_INTERFACE" },
    { when: "the lease file cannot be written", what: "badFolder", code: "DHCP_CANNOT_START" },
  ])("says $code when $when", ({ what, code }) => {
    expect(seen[what]).toBe(code);
  });
});

describe("a look at the network", () => {
  it("hears another DHCP server, and none where there is none", () => {
    expect(seen["silence"]).toBe("nobody");
    expect(seen["foreign"]).toMatchObject({
      server: "10.99.0.66",
      offered: expect.stringMatching(/^10\.99\.0\.2/),
    });
    expect(seen["foreignMs"]).toBeLessThan(4_500);
    expect(seen["refused"]).toMatch(
      /another DHCP server, 10\.99\.0\.66, answers on v0.*\[DHCP_FOREIGN_SERVER\]$/,
    );
  });

  it("tells the MAC behind an address, and none where nobody is", () => {
    expect(seen).toMatchObject({ neighbour: a, nobodyThere: "nobody" });
  });
});
