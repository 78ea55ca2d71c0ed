import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { perform } from "../../provider/site/local/operations.ts";
import type { State } from "../../provider/site/site.ts";
import { asSite, commandLine } from "../fixtures/command-line.ts";
import { publicKey } from "../fixtures/configuration.ts";
import { type OneServer, openOneServer, other } from "../fixtures/one-server.ts";
import { ref, specs } from "../fixtures/site-parts.ts";
import { enrol } from "../fixtures/site-world.ts";

let world: OneServer;
beforeEach(async () => {
  world = await openOneServer({ maxConcurrent: 1 });
  await enrol(world.site, "n2");
});
afterEach(async () => {
  await world.site.close();
});

const ask = (operation: Parameters<typeof perform>[2]) =>
  perform(world.site.ctx, world.site.parts, operation);
const drain = (end = false) => ask({ kind: "drain", ...(end ? { end } : {}) });
const install = (name: string, node: string, more: object = {}) =>
  world.site.instances.ensure(newContext(), ref(name), specs.instance({ node, ...more }));
/** The next write lasts until it is told to end. */
function writeSlowly() {
  let [begun, end] = [() => {}, () => {}];
  const writing = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  world.site.writing.mockImplementationOnce(async () => {
    begun();
    await ended;
  });
  return { writing, end: () => end() };
}
const drained = { code: "SITE_DRAINING", retry: true };

describe("a helper that is drained", () => {
  it("ends what has begun, and begins with nothing else: neither what waits for its turn nor what is new", async () => {
    const slow = writeSlowly();
    const first = install("web-1", "n1");
    await slow.writing;
    const second = install("web-2", "n2");
    second.catch(() => {});
    await vi.waitFor(() => expect(world.site.parts.turns.waiting()).toEqual(["instances/web-2"]));
    const state = { draining: true, jobs: ["instances/web-1"], waiting: ["instances/web-2"] };
    expect(await drain()).toEqual(state);
    await expect(install("web-3", "n2")).rejects.toMatchObject(drained);
    // Whoever asks for what is under way attaches to it, and for what waits too.
    const again = [install("web-1", "n1"), install("web-2", "n2")] as const;
    again[1].catch(() => {});
    slow.end();
    expect(await Promise.all([first, again[0]])).toMatchObject(Array(2).fill({ provisionState: "active" }));
    expect(await drain()).toEqual({ ...state, jobs: [] });
    expect(await world.site.store.get("instances", "web-2")).toBeUndefined();
    // Kept for the successor, or begun when the drain ends.
    expect((await world.site.store.requests()).map(({ key }) => key)).toEqual(["instances/web-2"]);
    expect(await drain(true)).toMatchObject({ draining: false });
    expect(await again[1]).toMatchObject({ provisionState: "active", assignedNode: "n2" });
  });

  it.for([
    { what: "a rehearsal", begin: () => ask({ kind: "rehearse", node: "n2" }) },
    {
      what: "an inspection",
      begin: () => {
        const inspect = { mac: world.site.serverAt("10.0.0.2").mac };
        return enrol(world.site, "n2", "10.0.0.2", { inspect });
      },
    },
    {
      what: "a delete that cleans",
      begin: () => world.site.instances.remove(world.site.ctx, ref("web-1")),
    },
    {
      what: "a rescue",
      begin: () => ask({ kind: "rescue", node: "n1", key: publicKey, powerOff: true }),
    },
  ])("does not begin with $what", async ({ begin }) => {
    await world.install({ onDelete: "clean" });
    await drain();
    const logs = ["10.0.0.1", "10.0.0.2"].map((at) => world.site.serverAt(at).log);
    for (const log of logs) log.length = 0;
    const { code, record } = await begin().then(
      () => ({ code: "it worked", record: undefined }),
      (error: { code?: string; record?: { code: string } }) => ({ code: error.code, record: error.record }),
    );
    expect(code ?? record?.code).toBe("SITE_DRAINING");
    // Asking is allowed, switching is not.
    expect(logs.flat().filter((verb) => !["state", "probe"].includes(verb))).toEqual([]);
  });

  it("refuses at preview what it would begin with, and lets everything else pass", async () => {
    const state = await world.install();
    const token = await world.tokenOf(state);
    await drain();
    const failing = async (more: object, of: State | undefined = state) =>
      (await world.see(of, more)).failures.map(({ reason }) => /\[(\w+)\]$/.exec(reason)?.[1]);
    expect(await failing({ ...other, allowReinstall: token })).toEqual(["SITE_DRAINING"]);
    expect(await failing({})).toEqual([]);
    expect(await failing({ power: "off" })).toEqual([]);
    const { state: off } = await world.make(state, { power: "off", hardReboot: true });
    expect(off).toMatchObject({ powerState: "off" });
    await world.site.instances.remove(world.site.ctx, ref("web-1"));
    expect(await world.site.store.claims()).toEqual(new Map());
  });
});

describe("`drain`", () => {
  it("waits until what has begun has ended, names it, and says what is left for a successor", async () => {
    const { run } = commandLine({ site: () => asSite(world.site) });
    const slow = writeSlowly();
    const first = install("web-1", "n1");
    await slow.writing;
    const second = install("web-2", "n2");
    second.catch(() => {});
    await vi.waitFor(() => expect(world.site.parts.turns.waiting()).toHaveLength(1));
    expect(await run("drain", "--no-wait")).toMatchObject({
      out: "The helper begins with no server any more; under way: instances/web-1; for a service that follows: instances/web-2.\n",
    });
    const waiting = run("drain");
    slow.end();
    await first;
    expect(await waiting).toMatchObject({
      out: "The helper begins with no server any more; nothing is under way; for a service that follows: instances/web-2.\n",
    });
    expect(await run("drain", "--end")).toMatchObject({ out: "The helper begins with servers again.\n" });
    await second;
  });
});
