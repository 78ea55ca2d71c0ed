import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectWhole } from "./installed.ts";
import type { Lab, LabServer } from "./lab/index.ts";
import { ipmi } from "./programs.ts";
import { closeRack, openRack, type Rack } from "./rack.ts";
import { enrol, install, nameOn, type TestSite } from "./site.ts";

let rack: Rack;
let lab: Lab;
let site: TestSite;

beforeAll(async () => {
  rack = await openRack();
  ({ lab, site } = rack);
});
afterAll(() => closeRack(rack, site));

/** Commands of one's own, which nobody here knows anything of: they switch, and cannot choose what boots. */
function commandsFor({ name, bmc }: LabServer) {
  const tool = 'ipmitool -I lanplus -C 3 -H "$BMC" -p "$PORT" -U "$BMC_USER" -E power';
  const shell = (text: string) => ["sh", "-c", text];
  return {
    ...{ driver: "exec", address: name, on: shell(`${tool} on`), off: shell(`${tool} off`) },
    state: shell(`${tool} status | sed "s/.* //"`),
    environment: { BMC: bmc.address, PORT: `${bmc.port}`, BMC_USER: bmc.user, IPMI_PASSWORD: bmc.password },
  };
}

describe("a server that commands switch", () => {
  it("is installed, where its firmware tries the network first, and installed again", async () => {
    const server = await lab.paper({ name: "commanded" });
    await ipmi(server, "chassis", "bootdev", "pxe");
    await enrol(site, server, { power: commandsFor(server) });
    const state = await install(site, server);
    expect(state).toMatchObject({ provisionState: "active", powerState: "on", answered: true });
    await expectWhole(server.diskPath(), rack.images.whole);
    const again = await install(site, server, { image: "partition", allowReinstall: true });
    expect(again).toMatchObject({ provisionState: "active", rootUuid: rack.images.partition.uuid });
    await site.remove("instances", nameOn(server));
    expect(await server.isOn()).toBe(false);
  });

  it("says at preview that its firmware has to", async () => {
    const server = await lab.paper({ name: "asked" });
    const spec = { cpus: 1, memory: "512 MiB", disk: "4 GiB", power: commandsFor(server) };
    const { warnings } = await site.plan("nodes", server.name, spec);
    expect(warnings?.join()).toMatch(
      /what asked boots cannot be chosen by exec asked: its firmware has to try/,
    );
  });
});
