import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { detach } from "../../provider/site/local/detaching.ts";
import { perform } from "../../provider/site/local/operations.ts";
import { type FakeSite, openFakeSite, ref, specs } from "../fixtures/site-parts.ts";
import { declare, enrol, installed, partly } from "../fixtures/site-world.ts";

let site: FakeSite;
beforeEach(async () => {
  site = await openFakeSite();
  await declare(site);
});
afterEach(() => site.close());

const leave = (of = ref("web-1")) => detach(site.ctx, site.parts, of);
const stateOf = async (node: string) => (await site.store.get("nodes", node))?.state ?? {};
const up = (more: object = {}, name = "web-1") => {
  const running = site.instances.ensure(site.ctx, ref(name), specs.instance(more));
  running.catch(() => {});
  return running;
};
/** A deployment that stands still at its write. */
async function writing(more: object): Promise<{ readonly running: Promise<unknown> }> {
  site.answerRamdisks();
  site.writing.mockImplementationOnce(
    (_, signal) => new Promise((_, cut) => signal.addEventListener("abort", () => cut(signal.reason))),
  );
  const running = up(more);
  await vi.waitFor(() => expect(site.writing).toHaveBeenCalled(), 5_000);
  return { running };
}

describe("a client that leaves a deployment", () => {
  it.for([
    { when: "that goes on by default", more: {}, of: ref("web-1") },
    { when: "that says so", more: { onDetach: "continue" }, of: ref("web-1") },
    { when: "of another owner", more: { onDetach: "abort" }, of: ref("web-1", "org/shop/other") },
  ])("$when ends nothing", async ({ more, of }) => {
    await enrol(site, "n1");
    const running = up(more);
    await vi.waitFor(() => expect(site.serverAt("10.0.0.1").log).toContain("ensure on"));
    expect(await leave(of)).toEqual({ instance: "web-1", aborted: false });
    expect(site.parts.jobs.running()).toEqual(["instances/web-1"]);
    expect(site.serverAt("10.0.0.1").state).toBe("on");
    await site.parts.jobs.stop(new Error("the test ends"));
    await running.catch(() => {});
  });

  it("ends it where it is to end: off, nothing served, its node free", async () => {
    await enrol(site, "n1");
    const running = up({ onDetach: "abort" });
    await vi.waitFor(() => expect(site.serverAt("10.0.0.1").log).toContain("ensure on"));
    const operation = { kind: "detach", owner: ref("x").owner, instance: "web-1" } as const;
    expect(await perform(site.ctx, site.parts, operation)).toEqual({ instance: "web-1", aborted: true });
    expect((await partly(running)).record.code).toBe("SITE_ABORTED");
    expect(site.serverAt("10.0.0.1").state).toBe("off");
    expect(site.done.slice(-2)).toEqual(["withdraw", "dismiss 52:54:00:00:00:01"]);
    expect(await stateOf("n1")).toMatchObject({ provisionState: "available", lastError: "" });
  });

  it("in the middle of the write sets its node aside for all others, and the next update writes it again there", async () => {
    await enrol(site, "n1");
    await enrol(site, "n2");
    const candidates = { candidates: ["n1", "n2"], onDetach: "abort" };
    const { running } = await writing(candidates);
    await leave();
    expect((await partly(running)).record.code).toBe("SITE_ABORTED");
    expect(site.serverAt("10.0.0.1").state).toBe("off");
    expect(await stateOf("n1")).toMatchObject({
      provisionState: "deploy failed",
      lastError: expect.stringMatching(
        /web-1 was interrupted while writing the disk of n1.*\[INSTANCE_INTERRUPTED]/,
      ),
    });
    expect(await up(candidates)).toMatchObject({ provisionState: "active", assignedNode: "n1" });
    expect(await stateOf("n1")).toMatchObject({ provisionState: "active", lastError: "" });
    expect((await site.store.deployment("web-1"))?.record.interrupted).toBeUndefined();
  });

  it("and deletes the instance frees the node whose write was interrupted", async () => {
    await enrol(site, "n1");
    const { running } = await writing({ onDetach: "abort" });
    await leave();
    await partly(running);
    await site.instances.remove(site.ctx, ref("web-1"));
    expect(await stateOf("n1")).toMatchObject({ provisionState: "available", lastError: "" });
  });

  it("in its queue takes it out of there, also where it would reinstall", async () => {
    await enrol(site, "n1");
    const state = await installed(site, "web-1", "n1");
    vi.spyOn(site.parts.turns, "take").mockImplementation(
      ({ signal }) => new Promise((_, cut) => signal.addEventListener("abort", () => cut(signal.reason))),
    );
    site.digests.set("/images/debian.raw", "sha256:9");
    const spec = specs.instance({
      node: "n1",
      imageDigest: "sha256:9",
      allowReinstall: true,
      onDetach: "abort",
    });
    const running = site.instances.ensure(site.ctx, ref("web-1"), spec, { state });
    running.catch(() => {});
    await vi.waitFor(() => expect(site.parts.turns.take).toHaveBeenCalled());
    expect(await leave()).toEqual({ instance: "web-1", aborted: true });
    await expect(running).rejects.toMatchObject({ code: "SITE_ABORTED" });
    expect(site.serverAt("10.0.0.1").state).toBe("on");
  });

  it("ends none that is written and only waited for", async () => {
    await enrol(site, "n1");
    await installed(site, "web-1", "n1", { onDetach: "abort", waitFor: { port: 22 } });
    await site.store.patch("instances", "web-1", { provisionState: "wait call-back" });
    const running = up({ node: "n1", onDetach: "abort", waitFor: { port: 22 } });
    await vi.waitFor(() => expect(site.parts.jobs.running()).toHaveLength(1));
    expect(await leave()).toEqual({ instance: "web-1", aborted: false });
    await site.parts.jobs.stop(new Error("the test ends"));
    await running.catch(() => {});
  });

  it("when none is under way is told that nothing was ended", async () => {
    expect(await leave()).toEqual({ instance: "web-1", aborted: false });
  });
});
