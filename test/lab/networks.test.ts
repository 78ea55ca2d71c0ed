import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listHosts } from "../../provider/services/dnsmasq/hosts.ts";
import { type LabServer, readBanner } from "./lab/index.ts";
import { closeRack, openRack, type Rack } from "./rack.ts";
import { enrol, install, nameOn } from "./site.ts";

let rack: Rack;

beforeAll(async () => {
  rack = await openRack({
    interface: undefined,
    networks: [{ interface: "br0" }, { interface: "br1", name: "rack-2", router: "10.98.0.2" }],
  });
  await rack.lab.secondBridge();
});
afterAll(() => closeRack(rack));

const declare = async (server: LabServer, card: object) => {
  await enrol(rack.site, server, { card: false });
  const { name: node, mac } = server;
  await rack.site.declare("interfaces", `${node}-eth0`, { node, mac, ...card });
};

describe("a site with two provisioning networks", () => {
  it("installs a server in each at once, as its own network tells it", async () => {
    const { lab, site, images } = rack;
    const [near, far] = await Promise.all([
      lab.paper({ name: "near" }),
      lab.paper({ name: "far", bridge: "br1" }),
    ]);
    await declare(near, { physicalNetwork: "br0" });
    await declare(far, { physicalNetwork: "rack-2" });
    const states = await Promise.all([install(site, near), install(site, far)]);
    // The lowest that neither this host nor the network's router has.
    expect(states.map(({ address }) => address)).toEqual(["10.99.0.2", "10.98.0.3"]);
    for (const { address } of states) {
      expect(await readBanner(String(address), "5 seconds")).toContain(images.whole.banner);
    }
    const hosts = () => listHosts(join(site.stateDir, "networks", "rack-2", "hosts"));
    expect(await hosts()).toMatchObject([{ mac: far.mac, ip: "10.98.0.3" }]);
    expect(await site.observe("instances", nameOn(far))).toMatchObject({ drift: [] });
    for (const server of [near, far]) await site.remove("instances", nameOn(server));
    expect(await hosts()).toEqual([]);
  });

  it("refuses, before anything is done, a card that may be in either, or is in neither", async () => {
    const server = await rack.lab.paper({ name: "lost", bridge: "br1" });
    await expect(declare(server, {})).rejects.toThrow(/br0, rack-2.*NETWORK_NOT_CHOSEN/);
    await expect(declare(server, { physicalNetwork: "rack-3" })).rejects.toThrow(
      /no network rack-3.*NETWORK_UNKNOWN/,
    );
    await expect(declare(server, { address: "10.97.0.5" })).rejects.toThrow(
      /10\.99\.0\.0\/24, 10\.98\.0\.0\/24.*INTERFACE_OFF_NETWORK/,
    );
    await declare(server, { address: "10.98.0.77" });
  });
});
