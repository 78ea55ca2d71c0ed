import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import type { Stranger } from "../../provider/workflows/discovery.ts";
import { readBanner } from "./lab/index.ts";
import { type OtherDhcp, startOtherDhcp } from "./other-dhcp.ts";
import { ipmi } from "./programs.ts";
import { closeRack, openRack, type Rack } from "./rack.ts";
import { enrol, install, nameOn } from "./site.ts";

let rack: Rack;
let other: OtherDhcp;

beforeAll(async () => {
  rack = await openRack({ dhcp: "proxy" });
  other = await startOtherDhcp(rack.lab);
});

afterAll(async () => {
  await other?.stop();
  await closeRack(rack);
});

describe("beside a DHCP server of somebody else's, with `dhcp: proxy`", () => {
  it("a server gets its address there and what to boot here, and its system answers where it was given", async () => {
    const { lab, site, images } = rack;
    const server = await lab.paper({ name: "guest", proxyDhcp: true });
    await enrol(site, server);
    const { address } = await install(site, server);
    expect(address).toMatch(/^10\.99\.0\.2[0-4]\d$/);
    expect(await readBanner(String(address), "5 seconds")).toContain(images.whole.banner);
    expect(await other.log()).toContain(`DHCPACK(eth0) ${address} ${server.mac}`);
    const ours = site.log.filter((line) => /dnsmasq: /.test(line));
    expect(ours.filter((line) => /dnsmasq: (offer|ack|nak)/.test(line))).toEqual([]);
    expect(ours.filter((line) => /dnsmasq: proxy/.test(line) && line.includes(server.mac))).not.toEqual([]);
    // The card alone: an address in the file could be given by both.
    const hosts = join(site.stateDir, "hosts");
    const [file = ""] = await readdir(hosts);
    expect(await readFile(join(hosts, file), "utf8")).toMatch(new RegExp(`\n${server.mac}\n$`));
    expect(await site.observe("instances", nameOn(server))).toMatchObject({ drift: [] });
    await site.remove("instances", nameOn(server));
  });

  it("a card that nobody declared is told nothing, and is listed", async () => {
    const { lab, site } = rack;
    const server = await lab.paper({ name: "stranger", proxyDhcp: true });
    const listening = site.local.perform(newContext(), { kind: "discovered", listen: "8 seconds" });
    await ipmi(server, "chassis", "bootdev", "pxe");
    await ipmi(server, "power", "on");
    await server.waitConsole("DHCP names no boot loader", "20 seconds");
    const { strangers } = (await listening) as { strangers: readonly Stranger[] };
    expect(strangers).toMatchObject([
      { mac: server.mac, vendorClass: expect.stringMatching(/^PXEClient:Arch:00000/) },
    ]);
    await server.pull();
  });
});
