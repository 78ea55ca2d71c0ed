import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { writeAtomically } from "../../provider/kernel/files.ts";
import { externalLines } from "../../provider/services/dnsmasq/external/index.ts";
import { type FurtherBridge, type LabServer, readBanner } from "./lab/index.ts";
import { type OtherDhcp, startOtherDhcp } from "./other-dhcp.ts";
import { closeRack, openRack, type Rack } from "./rack.ts";
import { enrol, install, nameOn } from "./site.ts";

let rack: Rack;
let theirs: FurtherBridge;
let others: readonly Pick<OtherDhcp, "stop">[] = [];

beforeAll(async () => {
  rack = await openRack({
    interface: undefined,
    networks: [
      { interface: "br0", name: "ours" },
      { interface: "br1", name: "shared", dhcp: "proxy" },
      { interface: "br2", name: "theirs", dhcp: "external" },
    ],
  });
  const { dir } = rack.lab;
  const shared = await rack.lab.secondBridge();
  theirs = await rack.lab.thirdBridge();
  others = [await startOtherDhcp({ dir, ...shared })];
});

afterAll(async () => {
  for (const other of others) await other.stop();
  await closeRack(rack);
});

/** A DHCP server of somebody else's on this host, with nothing but our lines for it. */
async function startByLines(server: LabServer, ip: string): Promise<Pick<OtherDhcp, "stop">> {
  const { lab, site } = rack;
  const hosts = [{ mac: server.mac, name: server.name, ip }];
  const { dnsmasq } = externalLines({
    ...{ network: theirs.cidr, address: theirs.address, tftpRoot: site.tftpRoot, hosts },
  });
  const [lines, leases] = [join(lab.dir, "lines.conf"), join(lab.dir, "their-leases")];
  await writeAtomically(lines, dnsmasq);
  // Without it dnsmasq does not start; the first deployment makes it.
  await mkdir(site.tftpRoot, { recursive: true });
  const words = [`--conf-file=${lines}`, `--dhcp-leasefile=${leases}`, `--interface=${theirs.interface}`];
  const own = ["-d", "--port=0", "--user=root", "--bind-interfaces", "--except-interface=lo"];
  const running = execa("dnsmasq", [...own, ...words], { stdin: "ignore", reject: false });
  return {
    async stop() {
      running.kill("SIGTERM");
      await running;
    },
  };
}

it("one helper installs a server in each of three networks: with its own DHCP, beside another's, and by lines for another's", async () => {
  const { lab, site, images } = rack;
  const [near, guest, far] = await Promise.all([
    lab.paper({ name: "near" }),
    lab.paper({ name: "guest", bridge: "br1", proxyDhcp: true }),
    lab.paper({ name: "far", bridge: theirs.interface }),
  ]);
  others = [...others, await startByLines(far, "10.97.0.20")];
  for (const [server, physicalNetwork] of [
    [near, "ours"],
    [guest, "shared"],
    [far, "theirs"],
  ] as const) {
    await enrol(site, server, { card: false });
    const { name: node, mac } = server;
    await site.declare("interfaces", `${node}-eth0`, { node, mac, physicalNetwork });
  }
  const states = await Promise.all([near, guest, far].map((server) => install(site, server)));
  expect(states.map(({ address }) => address)).toEqual([
    "10.99.0.2",
    expect.stringMatching(/^10\.98\.0\.2[0-4]\d$/),
    "10.97.0.20",
  ]);
  for (const { address } of states) {
    expect(await readBanner(String(address), "10 seconds")).toContain(images.whole.banner);
  }
  const { networks = [] } = await site.local.about(newContext());
  expect(networks.map(({ name, dhcp, state }) => `${name}: ${dhcp}, ${state}`)).toEqual([
    "ours: managed, served",
    "shared: proxy, served",
    "theirs: external, served",
  ]);
  for (const server of [near, guest, far]) await site.remove("instances", nameOn(server));
});
