import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { siteErrors } from "../../provider/site/errors.ts";
import { perform } from "../../provider/site/local/operations.ts";
import { inspectorOf } from "../../provider/site/local/rehearsal.ts";
import { resumeJobs } from "../../provider/site/local/resuming.ts";
import type { State } from "../../provider/site/site.ts";
import { broken, type OneServer, openOneServer, other } from "../fixtures/one-server.ts";
import { ref, specs } from "../fixtures/site-parts.ts";
import { enrol } from "../fixtures/site-world.ts";

let world: OneServer;
beforeEach(async () => {
  world = await openOneServer({ maxConcurrent: 1 });
});
afterEach(async () => {
  await world.site.close();
});

const requests = async () => (await world.site.store.requests()).map(({ key }) => key);
const running = () => world.site.parts.jobs.running();
const provisionState = async (name: string) =>
  (await world.site.store.get("instances", name))?.state["provisionState"];
/** The service ends: what it did is cut off. */
const stopHelper = () => world.site.parts.jobs.stop(new Error("the helper ends"));
/** Its successor begins. */
const resume = () => resumeJobs(world.site.ctx, world.site.parts, world.site, inspectorOf(world.site.parts));
const ended = () => vi.waitFor(() => expect(running()).toEqual([]), 5_000);
/** The next write lasts until it is cut off. */
const writeForEver = () => {
  let begun = () => {};
  const writing = new Promise<void>((resolve) => {
    begun = resolve;
  });
  world.site.writing.mockImplementationOnce((_, signal) => {
    begun();
    return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  return writing;
};
const install = (name: string, node: string, more: object = {}, state?: State) =>
  world.site.instances.ensure(
    newContext(),
    ref(name),
    { ...specs.instance({ node, ...more }), __urn: `urn::${name}` },
    state === undefined ? {} : { state },
  );
const asking = (work: Promise<unknown>) => work.catch((error: Error) => error.message);

describe("a service that starts", () => {
  it("resumes a deployment that was cut off, and one that waited for its turn, and nobody has to ask", async () => {
    await enrol(world.site, "n2");
    const writing = writeForEver();
    const first = asking(install("web-1", "n1"));
    await writing;
    const second = asking(install("web-2", "n2"));
    await vi.waitFor(async () => expect(await requests()).toEqual(["instances/web-1", "instances/web-2"]));
    await stopHelper();
    expect(await Promise.all([first, second])).toEqual(["the helper ends", "the helper ends"]);
    expect(await provisionState("web-2")).toBeUndefined();

    await resume();
    await ended();
    expect([await provisionState("web-1"), await provisionState("web-2")]).toEqual(["active", "active"]);
    expect(await requests()).toEqual([]);
    // As Pulumi declared it: which resource it is stays known.
    expect((await world.site.store.get("instances", "web-2"))?.state).toMatchObject({ __urn: "urn::web-2" });
  });

  it("has whoever asks again attach to what it resumed", async () => {
    let writing = writeForEver();
    const first = asking(install("web-1", "n1"));
    await writing;
    await stopHelper();
    await first;
    writing = writeForEver();
    await resume();
    await writing;
    const again = asking(install("web-1", "n1"));
    const others = install("web-1", "n1", { hardReboot: true });
    await expect(others).rejects.toMatchObject({ code: "SITE_JOB_BUSY" });
    expect(running()).toEqual(["instances/web-1"]);
    await stopHelper();
    expect(await again).toBe("the helper ends");
    await resume();
    expect(await install("web-1", "n1")).toMatchObject({ provisionState: "active", assignedNode: "n1" });
    expect(world.writes()).toBe(3);
  });

  it("goes on with a reinstall that was allowed, and asks nobody again", async () => {
    const state = await world.install();
    const token = await world.tokenOf(state);
    const writing = writeForEver();
    const first = asking(install("web-1", "n1", { ...other, allowReinstall: token }, state));
    await writing;
    await stopHelper();
    await first;
    await resume();
    await ended();
    const { state: now } = (await world.site.store.get("instances", "web-1")) ?? {};
    expect(now).toMatchObject({ provisionState: "active", installedDigest: "sha256:9" });
  });

  it.for([
    { what: "a release that cleans", kind: "remove" },
    { what: "a rehearsal", kind: "rehearse" },
  ] as const)("goes on with $what, and its node is free", async ({ kind }) => {
    if (kind === "remove") await world.install({ onDelete: "clean" });
    let stopped: Promise<void> | undefined;
    const own = newContext({
      report({ stage }) {
        if (stage === "waiting for the ramdisk") stopped ??= stopHelper();
      },
    });
    const outcome = asking(
      kind === "remove"
        ? world.site.instances.remove(own, ref("web-1"))
        : perform(own, world.site.parts, { kind: "rehearse", node: "n1" }),
    );
    expect(await outcome).toBe("the helper ends");
    await stopped;
    expect(await requests()).toHaveLength(1);
    await resume();
    await ended();
    const { state } = (await world.site.store.get("nodes", "n1")) ?? {};
    expect(state).toMatchObject({ provisionState: "available", powerState: "off" });
    expect([await requests(), await world.site.store.visit("n1")]).toEqual([[], undefined]);
    expect(await world.site.store.claims()).toEqual(new Map());
  });

  it("leaves alone what ended: in success, in failure, by an abort, before or after the service", async () => {
    await world.install();
    expect(await requests()).toEqual([]);
    await enrol(world.site, "n2");
    world.site.writing.mockRejectedValueOnce(broken("HOST"));
    await asking(install("web-2", "n2"));
    expect(await requests()).toEqual([]);
    let writing = writeForEver();
    const aborted = asking(install("web-2", "n2"));
    await writing;
    const reason = siteErrors.make("SITE_ABORTED", { name: "web-2" });
    await world.site.parts.jobs.abort("instances/web-2", reason);
    await aborted;
    expect(await requests()).toEqual([]);
    writing = writeForEver();
    const cut = asking(install("web-2", "n2"));
    await writing;
    await stopHelper();
    await cut;
    await perform(world.site.ctx, world.site.parts, { kind: "abort", instance: "web-2" });
    await resume();
    expect(running()).toEqual([]);
  });

  it("forgets what is refused by now, and says why", async () => {
    const writing = writeForEver();
    const first = asking(install("web-1", "n1"));
    await writing;
    await stopHelper();
    await first;
    await world.site.store.drop("flavors", ref("f"));
    await resume();
    await vi.waitFor(async () => expect(await requests()).toEqual([]));
    expect(world.site.words.join("\n")).toContain("there is no Flavor f on this site");
  });

  it("resumes nothing of another owner after everything was handed over, and then asks for the new one", async () => {
    const writing = writeForEver();
    const first = asking(install("web-1", "n1"));
    await writing;
    await stopHelper();
    await first;
    await world.site.store.moveOwner("org/shop/prod", "org/shop/live");
    await resume();
    await ended();
    expect(await world.site.store.get("instances", "web-1")).toMatchObject({
      ref: { owner: "org/shop/live" },
      state: { provisionState: "active" },
    });
  });
});
