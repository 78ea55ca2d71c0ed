import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { openLocalSite } from "../../provider/site/local/index.ts";
import { type FakeSite, openFakeSite, ref, specs } from "../fixtures/site-parts.ts";
import * as world from "../fixtures/site-world.ts";
import { faults, partly } from "../fixtures/site-world.ts";

let site: FakeSite;
beforeEach(async () => {
  site = await openFakeSite();
});
afterEach(async () => {
  await site.close();
});
const stateOf = async (node: string) => (await site.store.get("nodes", node))?.state ?? {};

const enrol = (name: string, address?: string, more?: object) => world.enrol(site, name, address, more);
const declare = () => world.declare(site);
const installed = (name: string, node: string, more?: object, record?: object) =>
  world.installed(site, name, node, more, record);

describe("an instance that fails", () => {
  beforeEach(async () => {
    await declare();
  });
  const up = (more: object = {}) => site.instances.ensure(site.ctx, ref("web-1"), specs.instance(more));

  it("for want of a node says of each why, and claims nothing", async () => {
    await enrol("n1", "10.0.0.1", { cpus: 1, maintenance: true });
    await site.nodes.ensure(site.ctx, ref("n2"), specs.node("10.0.0.2"));
    const error = await up().catch((reason) => reason);
    expect(error).toMatchObject({ code: "INSTANCE_NO_NODE" });
    expect(error.message).toMatch(/n1: .*maintenance.*n2: .*no Interface/);
    expect(await site.store.claims()).toEqual(new Map());
  });

  it("boots from no card of another node", async () => {
    await enrol("n1");
    await enrol("n2");
    await expect(up({ candidates: ["n1"], interfaces: ["n2-eth0"] })).rejects.toThrow(
      "no Interface to boot from",
    );
  });

  it.for([
    { fault: "NODE_BROKEN", stands: "deploy failed" },
    { fault: "BMC_BROKEN", stands: "deploy failed" },
    { fault: "IMAGE_BROKEN", stands: "available" },
    { fault: "HOST_BROKEN", stands: "available" },
  ] as const)("by $fault leaves its node $stands, and tells what there is", async ({ fault, stands }) => {
    await enrol("n1");
    site.serverAt("10.0.0.1").failing.set("boot from network", faults.make(fault, {}));
    const { state, record } = await partly(up());
    expect(record.code).toBe(fault);
    expect(state).toMatchObject({
      assignedNode: "n1",
      provisionState: "deploy failed",
      stage: "power on",
      name: "web-1",
    });
    expect(String(state["lastError"])).toContain("is broken");
    expect(await stateOf("n1")).toMatchObject({ provisionState: stands });
    expect(site.serverAt("10.0.0.1").log.at(-1)).toBe("ensure off");
    expect(site.done.slice(-2)).toEqual(["withdraw", "dismiss 52:54:00:00:00:01"]);
    // The old key is void, and the claim stays for a destroy.
    expect((await site.store.deployment("web-1"))?.record).toEqual({
      id: expect.any(String),
      key: expect.any(String),
    });
    expect(await site.store.claimOf("web-1")).toBe("n1");
  });

  it("before anything was touched cleans nothing up", async () => {
    await enrol("n1");
    site.fetching.mockRejectedValueOnce(faults.make("IMAGE_BROKEN", {}));
    await partly(up());
    expect(site.serverAt("10.0.0.1").log).toEqual(["probe"]);
    expect(site.done).toEqual([]);
  });

  it("leaves the node that failed, if it may choose, and comes back to a pinned one", async () => {
    await enrol("n1");
    await enrol("n2");
    site.serverAt("10.0.0.1").failing.set("boot from network", faults.make("NODE_BROKEN", {}));
    site.serverAt("10.0.0.2").failing.set("boot from network", faults.make("NODE_BROKEN", {}));
    expect((await partly(up({ candidates: ["n1", "n2"] }))).state).toMatchObject({ assignedNode: "n1" });
    expect((await partly(up({ candidates: ["n1", "n2"] }))).state).toMatchObject({ assignedNode: "n2" });
    await expect(up({ candidates: ["n1", "n2"] })).rejects.toMatchObject({ code: "INSTANCE_NO_NODE" });
    expect((await partly(up({ node: "n1" }))).state).toMatchObject({ assignedNode: "n1" });
  });

  it("on a server that could not be switched off remembers that this is its doing", async () => {
    await enrol("n1");
    const server = site.serverAt("10.0.0.1");
    site.fetching.mockImplementation(async () => {
      server.failing.set("ensure off", faults.make("BMC_BROKEN", {}));
    });
    await partly(up());
    expect((await site.store.deployment("web-1"))?.record.touched).toBe(true);
    server.state = "on"; // in our ramdisk
    server.failing.clear();
    site.fetching.mockImplementation(async () => {});
    server.failing.set("boot from network", faults.make("HOST_BROKEN", {}));
    const { record } = await partly(up({ node: "n1" }));
    expect(record.code).toBe("HOST_BROKEN"); // and not DEPLOY_RUNNING_SERVER
    expect(server.state).toBe("off");
  });

  it("does not forget what was under way when the network cannot be opened the next time", async () => {
    await enrol("n1");
    await installed("web-1", "n1", {}, { done: false });
    await site.store.patch("nodes", "n1", { provisionState: "deploying" });
    vi.spyOn(site.parts.network, "open").mockRejectedValueOnce(faults.make("HOST_BROKEN", {}));
    await partly(up({ node: "n1" }));
    expect((await site.store.deployment("web-1"))?.record).toMatchObject({
      id: "d-web-1",
      touched: true,
      written: {},
    });
  });

  it("that is aborted is cleaned up, and its node is not set aside", async () => {
    await enrol("n1");
    site.serverAt("10.0.0.1").state = "off";
    const running = up();
    running.catch(() => {});
    await vi.waitFor(() => expect(site.serverAt("10.0.0.1").log).toContain("ensure on"));
    expect(site.serverAt("10.0.0.1").state).toBe("on");
    const { siteErrors } = await import("../../provider/site/errors.ts");
    await site.parts.jobs.abort("instances/web-1", siteErrors.make("SITE_ABORTED", { name: "web-1" }));
    const { record, state } = await partly(running);
    expect(record.code).toBe("SITE_ABORTED");
    expect(state).toMatchObject({ provisionState: "deploy failed", assignedNode: "n1" });
    expect(site.serverAt("10.0.0.1").state).toBe("off");
    expect(site.done).toContain("withdraw");
    expect(await stateOf("n1")).toMatchObject({ provisionState: "available" });
  });

  it("that is cut off by the end of the helper leaves everything as it is, and goes on on the same node", async () => {
    await enrol("n1");
    const running = up({ candidates: ["n1"] });
    running.catch(() => {});
    await vi.waitFor(() => expect(site.serverAt("10.0.0.1").log).toContain("ensure on"));
    const before = (await site.store.deployment("web-1"))?.record;
    await site.parts.jobs.stop(new Error("the helper ends"));
    await expect(running).rejects.toThrow("the helper ends");
    expect(site.serverAt("10.0.0.1").state).toBe("on");
    expect(site.done).not.toContain("withdraw");
    expect((await site.store.deployment("web-1"))?.record).toEqual(before);
    expect(await stateOf("n1")).toMatchObject({ provisionState: "deploying", assignedInstance: "web-1" });
    // The program was changed meanwhile, so that another node would be chosen now.
    await enrol("n2");
    const again = up({ candidates: ["n2"] });
    again.catch(() => {});
    await vi.waitFor(async () => expect((await stateOf("n1"))["provisionState"]).toBe("deploying"));
    await vi.waitFor(() => expect(site.parts.jobs.running()).toHaveLength(1));
    expect(await site.store.claimOf("web-1")).toBe("n1");
    expect(site.serverAt("10.0.0.2").log).toEqual(["probe"]);
    await site.parts.jobs.stop(new Error("the test ends"));
    await again.catch(() => {});
  });
});

describe("an operator's reset", () => {
  it("frees a node that was set aside, and no other", async () => {
    const settings = { ...site.parts.settings };
    await enrol("n1");
    await enrol("n2");
    await site.store.patch("nodes", "n1", { provisionState: "deploy failed", lastError: "why" });
    await site.store.patch("nodes", "n2", { provisionState: "active" });
    const local = await openLocalSite(newContext(), settings, "1");
    await local.perform(newContext(), { kind: "reset", node: "n1" });
    await local.perform(newContext(), { kind: "reset", node: "n2" });
    await expect(local.perform(newContext(), { kind: "reset", node: "n9" })).rejects.toThrow("SITE_UNKNOWN");
    await local.close();
    expect(await stateOf("n1")).toMatchObject({ provisionState: "available", lastError: "" });
    expect(await stateOf("n2")).toMatchObject({ provisionState: "active" });
  });
});
