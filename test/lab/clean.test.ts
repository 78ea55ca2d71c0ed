import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { resources } from "../../provider/resources/index.ts";
import type { State } from "../../provider/site/site.ts";
import type { Lab, PaperServer } from "./lab/index.ts";
import { lookAt } from "./lab/paper/disk.ts";
import { closeRack, openRack, type Rack } from "./rack.ts";
import { bootFilesOf, commandsTo, enrol, install, instanceArgs, nameOn, type TestSite } from "./site.ts";

let rack: Rack;
let lab: Lab;
let site: TestSite;

beforeAll(async () => {
  rack = await openRack({ maxErase: 10 });
  ({ lab, site } = rack);
});

afterAll(() => closeRack(rack, site));

const holds = async (server: PaperServer) => (await lookAt(server.diskPath())).holds;
const nodeOf = (server: PaperServer) => site.observe("nodes", server.name);

describe("a server that is handed back", () => {
  it("is booted once more at delete, its disk is empty, and it is off", async () => {
    const server = await lab.paper({ name: "back" });
    await enrol(site, server);
    await install(site, server, { onDelete: "clean" });
    expect(await holds(server)).toContain("ext4");
    await site.remove("instances", nameOn(server));
    expect([await holds(server), await server.isOn()]).toEqual(["", false]);
    expect(await bootFilesOf(site)).toEqual([]);
    expect(await nodeOf(server)).toMatchObject({
      ...{ provisionState: "available", powerState: "off" },
      lastClean: { method: "metadata", disks: [`${server.name}-0`] },
    });
  });

  it("is erased when the helper ends in the middle and another goes on", async () => {
    const server = await lab.paper({ name: "cut" });
    await enrol(site, server);
    await install(site, server, { onDelete: "clean" });
    const removing = Promise.allSettled([site.remove("instances", nameOn(server))]);
    // It goes off, and on again into its ramdisk.
    for (const on of [false, true])
      await vi.waitFor(async () => expect(await server.isOn()).toBe(on), { timeout: 20_000 });
    await server.waitConsole("BAREMETAL announce");
    const successor = site.reopen();
    expect((await removing)[0].status).toBe("rejected");
    site = await successor;
    expect(await server.isOn()).toBe(true);
    const before = (await commandsTo(server)).length;
    await site.remove("instances", nameOn(server));
    // The ramdisk that was there did it: the only thing that was switched is off, at the end.
    const since = (await commandsTo(server)).slice(before).filter((command) => command.includes("power"));
    expect(since.filter((command) => command.endsWith("1"))).toEqual([]);
    expect([await holds(server), await server.isOn()]).toEqual(["", false]);
  });

  it("is set aside with the ramdisk's own words when it fails, and erased by the next delete", async () => {
    const server = await lab.paper({ name: "broken" });
    await enrol(site, server);
    await install(site, server, { onDelete: "clean" });
    await server.mishap("error");
    await expect(site.remove("instances", nameOn(server))).rejects.toThrow(
      "cleaning node broken failed; its ramdisk reports: the disk sda does not answer",
    );
    expect(await nodeOf(server)).toMatchObject({ provisionState: "clean failed" });
    expect([await server.isOn(), await bootFilesOf(site)]).toEqual([false, []]);
    expect(await holds(server)).toContain("ext4");
    await server.mishap("none");
    await site.remove("instances", nameOn(server));
    expect(await holds(server)).toBe("");
  });

  it("is cleaned before another owner gets it, and not before its own", async () => {
    const server = await lab.paper({ name: "next" });
    await enrol(site, server, { clean: "full" });
    await install(site, server);
    await site.remove("instances", nameOn(server));
    await install(site, server);
    expect(await server.console()).not.toContain("BAREMETAL wipe");
    await site.remove("instances", nameOn(server));

    const ref = { owner: "organization/lab/other", name: "theirs" };
    const spec = resources.instances.inputs.parse({ ...instanceArgs(site, server), name: "theirs" });
    const { says } = await site.local.instances.plan(newContext(), ref, spec, { dryRun: true });
    expect(says.join()).toContain("clean next of what its last owner left (full)");
    const state: State = await site.local.instances.ensure(newContext(), ref, spec);
    expect(state).toMatchObject({ provisionState: "active", answered: true });
    expect((await nodeOf(server))?.["lastClean"]).toMatchObject({ method: "full" });
    await site.local.instances.remove(newContext(), ref, { state });
    await expect(site.remove("nodes", "next")).resolves.toBeUndefined();
  });
});
