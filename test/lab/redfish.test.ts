import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { type Identity, identityOf } from "../../provider/serve/certificate.ts";
import { type Lab, type LabServer, readBanner } from "./lab/index.ts";
import { startRedfish } from "./lab/redfish.ts";
import { closeRack, openRack, type Rack } from "./rack.ts";
import { bootFilesOf, commandsTo, enrol, install, nameOn, type TestSite } from "./site.ts";

let rack: Rack;
let lab: Lab;
let site: TestSite;
let tls: Identity;
const controllers: Awaited<ReturnType<typeof startRedfish>>[] = [];

beforeAll(async () => {
  // In the second one nobody gives addresses or boot files.
  const networks = [{ interface: "br0" }, { interface: "br1", dhcp: "external" as const }];
  const limits = { power: "10 seconds", callback: "240 seconds", answer: "180 seconds" } as const;
  rack = await openRack({ interface: undefined, networks, bootTransport: "http", limits });
  ({ lab, site } = rack);
  await lab.secondBridge();
  const stateDir = join(rack.folder, "controllers");
  tls = await identityOf(newContext(), { stateDir, certificate: undefined, key: undefined });
});
afterAll(async () => {
  await closeRack(rack, site);
  const left = controllers.map(({ logins, sessions }) => ({ used: logins() > 0, sessions: sessions() }));
  for (const { stop } of controllers) await stop();
  expect(left).toEqual(controllers.map(() => ({ used: true, sessions: 0 })));
});

const behindRedfish = async (server: LabServer) => {
  const controller = await startRedfish(server, tls);
  controllers.push(controller);
  return controller;
};

describe("a server behind a Redfish controller", () => {
  it("is installed from the network, for which it starts once, and handed back", async () => {
    const server = await lab.paper({ name: "fished" });
    const { power, boot, patches } = await behindRedfish(server);
    await enrol(site, server, { power, card: false });
    await site.declare("interfaces", "fished-eth0", {
      node: "fished",
      mac: server.mac,
      physicalNetwork: "br0",
    });
    const state = await install(site, server);
    expect(state).toMatchObject({
      provisionState: "active",
      powerState: "on",
      verified: "full",
      answered: true,
    });
    expect(patches[0]).toMatchObject({ BootSourceOverrideTarget: "Pxe", BootSourceOverrideEnabled: "Once" });
    expect(boot).toMatchObject({
      BootSourceOverrideTarget: "Hdd",
      BootSourceOverrideEnabled: "Continuous",
    });
    await site.remove("instances", nameOn(server));
    expect(await server.isOn()).toBe(false);
  });

  it("is installed from a CD, by UEFI with Secure Boot, where nobody gives addresses, and handed back", async () => {
    const server = await lab.server({
      ...{ name: "disced", bridge: "br1", firmware: "uefi", secureBoot: true, disc: true },
    });
    const { power, media } = await behindRedfish(server);
    const [address, card] = ["10.98.0.20", "disced-eth0"];
    await enrol(site, server, {
      ...{ power, card: false, bootMode: "uefi", boot: { driver: "virtual-media" } },
    });
    await site.declare("interfaces", card, { node: "disced", mac: server.mac, address });
    const networks = { ethernets: [{ interface: card, addresses: [`${address}/24`] }] };
    const state = await install(site, server, { networks });
    const timeline = state["timeline"] as readonly { step: string; seconds: number }[];
    console.log(`from a CD: ${timeline.map(({ step, seconds }) => `${step} ${seconds}`).join(", ")}`);
    expect(state).toMatchObject({ provisionState: "active", answered: true, verified: "full", address });
    expect(await readBanner(address, "10 seconds")).toContain(rack.images.whole.banner);
    expect(await server.console()).toContain("Secure boot enabled");
    expect((await commandsTo(server)).map((call) => call.slice(4))).toEqual([
      "disc in",
      "boot cdrom",
      "power 1",
      "boot none",
      "disc out",
      "boot disk",
    ]);
    expect(media.asked).toEqual([{ Image: expect.stringMatching(/^http:\/\/10\.98\.0\.1:\d+\/.*\.iso$/) }]);
    expect(media.image()).toBeUndefined();
    expect((await bootFilesOf(site)).filter((path) => path.endsWith(".iso"))).toEqual([]);
    await site.remove("instances", nameOn(server));
    expect(await server.isOn()).toBe(false);
    expect(media.image()).toBeUndefined();
  });
});
