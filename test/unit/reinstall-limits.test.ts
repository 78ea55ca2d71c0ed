import { afterEach, describe, expect, it, vi } from "vitest";
import type { State } from "../../provider/site/site.ts";
import { broken, type OneServer, openOneServer, other } from "../fixtures/one-server.ts";
import { startRun, up } from "../fixtures/pulumi-run.ts";
import { ref, specs } from "../fixtures/site-parts.ts";
import { addressOf, enrol, partly } from "../fixtures/site-world.ts";

let world: OneServer | undefined;
afterEach(async () => {
  await world?.site.close();
  world = undefined;
});
const open = async (settings: object = {}): Promise<OneServer> => {
  world = await openOneServer(settings);
  return world;
};
const always = { allowReinstall: true };
const codes = (plan: { readonly failures: readonly { readonly reason: string }[] }) =>
  plan.failures.map(({ reason }) => /\[([A-Z_]+)\]$/.exec(reason)?.[1]);

describe("an update that differs from its preview", () => {
  // What only the world can change: the image behind the same words. What the program says decides for itself.
  it.for([
    { why: "nothing was to be erased", said: {}, now: other, refused: '"in-place" and no erasure' },
    {
      why: "another image was to come",
      said: other,
      now: { imageDigest: "sha256:8" },
      refused: "another erasure",
    },
    { why: "it is the same erasure", said: other, now: other, refused: undefined },
    {
      why: "the program was changed, too",
      said: {},
      now: { ...other, verify: "sampled" },
      refused: undefined,
    },
    { why: "nothing is erased any more", said: other, now: {}, refused: undefined },
  ])("is refused only where more is erased than was announced: $why", async ({ said, now, refused }) => {
    const { install, see, make, writes, server } = await open();
    const state = await install();
    expect(codes(await see(state, { ...always, ...said }))).toEqual([]);
    const going = make(state, { ...always, ...now });
    if (refused === undefined) {
      expect((await going).state).toMatchObject({ provisionState: "active" });
      expect(writes()).toBe("imageDigest" in now ? 1 : 0);
      return;
    }
    await expect(going).rejects.toThrow("PLAN_CHANGED");
    await expect(going).rejects.toThrow(refused);
    expect([writes(), server.log, server.running]).toEqual([0, [], "system"]);
    // Looked at once more, it is what was announced.
    await see(state, { ...always, ...now });
    expect((await make(state, { ...always, ...now })).how).toBe("updated");
  });

  it("without a preview goes by what is allowed", async () => {
    const { install, make } = await open();
    expect((await make(await install(), { ...always, ...other })).how).toBe("updated");
  });

  it("is refused by the work itself when the world changed after the check", async () => {
    const { site, install, spec, writes, server } = await open();
    const state = await install();
    for (const checked of [{}, { imageDigest: "sha256:8" }]) {
      const run = startRun(site);
      await run.plan("instances", "web-1", spec({ ...always, ...checked }), state);
      const known = { state, run: run.run };
      const acting = site.instances.ensure(site.ctx, ref("web-1"), spec({ ...always, ...other }), known);
      await expect(acting).rejects.toMatchObject({ code: "PLAN_CHANGED" });
    }
    expect([writes(), server.log]).toEqual([0, []]);
  });

  it("does not hold an announcement against an update when it was carried out", async () => {
    const { install, see, make } = await open();
    const first = await install();
    await see(first, { ...always, ...other });
    const { state } = await make(first, { ...always, ...other });
    // The image changed again; the program is as it was, and nobody looked.
    expect((await make(state, { ...always, imageDigest: "sha256:8" })).how).toBe("updated");
  });
});

/** As many instances as names, each on its own node. */
async function installAll({ site }: OneServer, names: readonly string[]): Promise<Map<string, State>> {
  const states = new Map<string, State>();
  for (const [index, name] of names.entries()) {
    const node = `n${index + 1}`;
    if (index > 0) await enrol(site, node);
    states.set(name, (await up(site, "instances", name, specs.instance({ node }))).state);
    site.serverAt(addressOf(node)).log.length = 0;
  }
  site.done.length = 0;
  return states;
}
const reinstalled = (node: string) => specs.instance({ node, ...always, ...other });

describe("the site's limit of erasures", () => {
  const names = ["web-1", "web-2", "web-3"] as const;
  it.for([
    { maxErase: 1, of: 2, go: 1 },
    { maxErase: 2, of: 3, go: 2 },
    { maxErase: 0, of: 1, go: 0 },
    { maxErase: "34%", of: 3, go: 1 },
    { maxErase: "67%", of: 3, go: 2 },
    { maxErase: "100%", of: 3, go: 3 },
    { maxErase: "1%", of: 2, go: 1 },
    { maxErase: "0%", of: 2, go: 0 },
  ])("$maxErase of $of lets $go go, at preview and at update", async ({ maxErase, of, go }) => {
    const there = await open({ maxErase });
    const { site, writes } = there;
    const states = await installAll(there, names.slice(0, of));
    for (const dryRun of [true, false]) {
      const run = startRun(site, { dryRun });
      for (const [index, name] of names.slice(0, of).entries()) {
        const spec = reinstalled(`n${index + 1}`);
        const state = states.get(name);
        const first = await run.plan("instances", name, spec, state);
        const said =
          index < go ? [`erases an installed system: ${index + 1} of at most ${go} in this run`] : [];
        expect(first.warnings.slice(0, 1)).toEqual(said);
        // Pulumi checks twice where it replaces, and again after a failure: that is one erasure.
        const plan = await run.plan("instances", name, spec, state);
        expect(codes(plan), `${name}, preview ${dryRun}`).toEqual(index < go ? [] : ["ERASE_LIMIT"]);
        if (dryRun) continue;
        const going = run.up("instances", name, spec, state);
        if (index < go) await going;
        else await expect(going).rejects.toThrow("ERASE_LIMIT");
      }
    }
    expect(writes()).toBe(go);
    const logs = names.slice(go, of).map((_, index) => site.serverAt(`10.0.0.${go + index + 1}`).log);
    expect(logs.flat(), "nothing was touched of the others").toEqual([]);
  });

  it("counts anew in another run", async () => {
    const there = await open({ maxErase: 1 });
    const states = await installAll(there, ["web-1", "web-2"]);
    await up(there.site, "instances", "web-1", reinstalled("n1"), states.get("web-1"));
    await up(there.site, "instances", "web-2", reinstalled("n2"), states.get("web-2"));
    expect(there.writes()).toBe(2);
  });

  it("counts a replacement, and no first install, no power-off", async () => {
    const there = await open({ maxErase: 1 });
    const { site } = there;
    const states = await installAll(there, ["web-1", "web-2"]);
    await enrol(site, "n3");
    const run = startRun(site);
    const off = specs.instance({ node: "n2", power: "off" });
    await run.up("instances", "web-2", off, states.get("web-2"));
    const moved = specs.instance({ node: "n3", ...always });
    expect((await run.up("instances", "web-1", moved, states.get("web-1"))).how).toBe("replaced");
    expect((await run.up("instances", "web-3", specs.instance({ node: "n1" }))).how).toBe("created");
    const last = run.up("instances", "web-2", reinstalled("n2"), states.get("web-2"));
    await expect(last).rejects.toThrow(/web-2 would be erase number 2 of this run/);
  });
});

describe("too many failures in a row", () => {
  const begin = async (settings: object) => {
    const there = await open(settings);
    for (const node of ["n2", "n3", "n4"]) await enrol(there.site, node);
    return there;
  };
  it("end the run: the next server is not touched, in another run it is", async () => {
    const { site } = await begin({ maxFailures: 2 });
    const run = startRun(site);
    const install = (name: string, node: string) => run.up("instances", name, specs.instance({ node }));
    site.fetching.mockRejectedValueOnce(broken("HOST")).mockRejectedValueOnce(broken("HOST"));
    await partly(install("a", "n1"));
    await partly(install("b", "n2"));
    await expect(install("c", "n3")).rejects.toMatchObject({ code: "SITE_TOO_MANY_FAILURES" });
    expect(site.serverAt("10.0.0.3").log).toEqual(["probe"]);
    expect([await site.store.claimOf("c"), await site.store.get("instances", "c")]).toEqual([
      undefined,
      undefined,
    ]);
    expect((await up(site, "instances", "c", specs.instance({ node: "n3" }))).how).toBe("created");
  });

  it("are counted anew after one that succeeds", async () => {
    const { site } = await begin({ maxFailures: 2 });
    const run = startRun(site);
    const install = (name: string, node: string) => run.up("instances", name, specs.instance({ node }));
    site.fetching.mockRejectedValueOnce(broken("HOST"));
    await partly(install("a", "n1"));
    await install("b", "n2");
    site.fetching.mockRejectedValueOnce(broken("HOST"));
    await partly(install("c", "n3"));
    expect((await install("d", "n4")).how).toBe("created");
  });
});

describe("deployments under way", () => {
  it("are as many as the site allows; one that is aborted while it waits leaves nothing", async () => {
    const there = await open({ maxConcurrent: 1 });
    const { site, make } = there;
    await enrol(site, "n2");
    let finish = () => {};
    site.writing.mockImplementationOnce(
      () =>
        new Promise<undefined>((resolve) => {
          finish = () => resolve(undefined);
        }),
    );
    const first = make(undefined, {});
    await vi.waitFor(() => expect(there.writes()).toBe(1));
    const second = up(site, "instances", "web-2", specs.instance({ node: "n2" }));
    second.catch(() => {});
    const watched = async () => {
      for await (const { stage, note } of site.parts.jobs.watch(site.ctx, "instances/web-2"))
        return `${stage}: ${note}`;
      return "";
    };
    await vi.waitFor(() => expect(site.parts.jobs.running()).toContain("instances/web-2"));
    await vi.waitFor(async () =>
      expect(await watched()).toBe("waiting for its turn: 1 deployments are under way"),
    );
    expect(site.serverAt("10.0.0.2").log).toEqual(["probe"]);
    await site.parts.jobs.abort("instances/web-2", broken("HOST"));
    await expect(second).rejects.toMatchObject({ code: "HOST_BROKEN" });
    expect([await site.store.claimOf("web-2"), await site.store.deployment("web-2")]).toEqual([
      undefined,
      undefined,
    ]);
    const third = up(site, "instances", "web-3", specs.instance({ node: "n2" }));
    expect(site.serverAt("10.0.0.2").log).toEqual(["probe"]);
    finish();
    expect([(await first).how, (await third).how]).toEqual(["created", "created"]);
  });
});
