import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApi } from "../../provider/api/server.ts";
import { silent } from "../../provider/kernel/log.ts";
import type { CollectionName } from "../../provider/resources/resource.ts";
import { lookingAhead } from "../../provider/site/ahead/client.ts";
import { clientOf } from "../../provider/site/client.ts";
import { guardedSite } from "../../provider/site/guarded.ts";
import { createAhead } from "../../provider/site/local/ahead.ts";
import type { Site, Spec } from "../../provider/site/site.ts";
import { overSocket } from "../../provider/site/transport.ts";
import { asSite } from "../fixtures/command-line.ts";
import { type FakeSite, openFakeSite, owner, ref, specs } from "../fixtures/site-parts.ts";

let site: FakeSite;
let folder = "";
let app: FastifyInstance;
let asked: string[] = [];
let whole: Site;
beforeEach(async () => {
  site = await openFakeSite();
  folder = await mkdtemp(join(tmpdir(), "ahead-"));
  await start();
});
afterEach(async () => {
  await stop();
  await site.close();
  await rm(folder, { recursive: true });
});
let stop = async () => {};
/** A helper over the same store. */
async function start(): Promise<void> {
  const { nodes, interfaces, flavors, images, instances } = site;
  const { ahead, collections, close } = createAhead(
    { nodes, interfaces, flavors, images, instances },
    site.store,
  );
  whole = { ...asSite(site), ...collections, ahead };
  app = createApi({ site: whole, log: silent, busy: () => {} });
  await app.listen({ path: join(folder, "s") });
  asked = [];
  stop = async () => {
    await app.close();
    await close();
  };
}

/** A provider process of a client on another host. */
function provider(): Site {
  const socket = overSocket(join(folder, "s"));
  const counted = clientOf({
    ...socket,
    elsewhere: true,
    async send(ctx, path, body) {
      asked.push(path.replace("/v1/", ""));
      return socket.send(ctx, path, body);
    },
  });
  return lookingAhead(counted);
}
type Program = readonly (readonly [CollectionName, string, Spec, Spec?])[];
let runs = 0;

/** What Pulumi asks of a preview: one plan after the other. Answers the failures. */
async function preview(program: Program, client = provider()) {
  runs += 1;
  const run = `run-${runs}`;
  const failures: string[] = [];
  for (const [collection, name, spec, state] of program) {
    const known = { run, dryRun: true, protect: false, unknown: [], ...(state ? { state } : {}) };
    const plan = await client[collection].plan(site.ctx, ref(name), spec, known);
    failures.push(...plan.failures.map(({ reason }) => `${name}: ${reason}`));
  }
  return { failures, run };
}
const node = (n: number, more: object = {}) => {
  const spec = specs.node(`10.0.0.${n}`, more);
  return ["nodes", `n${n}`, spec, spec] as const;
};
const card = (n: number, mac = `52:54:00:00:00:0${n}`) => {
  const spec = specs.card(`n${n}`, mac);
  return ["interfaces", `c${n}`, spec, spec] as const;
};

/** What it asks of an update that makes all of it: the plan of each, then the thing itself. Answers what Pulumi remembers. */
async function made(program: Program): Promise<Program> {
  runs += 1;
  const known = { run: `run-${runs}`, dryRun: false, protect: false, unknown: [] };
  const client = provider();
  const states: (readonly [CollectionName, string, Spec, Spec])[] = [];
  for (const [collection, name, spec] of program) {
    const { computed } = await client[collection].plan(site.ctx, ref(name), spec, known);
    const inputs = { ...spec, ...computed };
    await client[collection].ensure(site.ctx, ref(name), inputs, { run: known.run, protect: false });
    states.push([collection, name, spec, inputs]);
  }
  asked = [];
  return states;
}

async function enrolled(program: Program): Promise<void> {
  for (const [collection, name, spec] of program) await site[collection].ensure(site.ctx, ref(name), spec);
  await preview(program);
  asked = [];
}

describe("a client that is far away", () => {
  const rack: Program = [1, 2, 3, 4].flatMap((n) => [node(n), card(n)]);

  it("asks once for all that is as it was, and has the same answers", async () => {
    await enrolled(rack);
    expect((await preview(rack)).failures).toEqual([]);
    expect(asked).toEqual(["ahead"]);
    const client = provider();
    const [, name, spec, state] = node(1);
    const known = { run: "r", dryRun: true, state };
    const given = await client.nodes.plan(site.ctx, ref(name), spec, known);
    expect(given).toEqual(await whole.nodes.plan(site.ctx, ref(name), spec, { ...known, run: "other" }));
  });

  const stack: Program = [
    ...rack,
    ["flavors", "f", specs.flavor],
    ["images", "i", specs.image],
    ["images", "j", { ...specs.image, __urn: "urn:j" }],
  ];

  it("asks once in the first run after all of it was made, whose states nobody has shown before", async () => {
    const there = await made(stack);
    expect((await preview(there)).failures).toEqual([]);
    expect(asked).toEqual(["ahead"]);
  });

  it("asks once in the first run after the helper was started anew", async () => {
    const there = await made(stack);
    await stop();
    await start();
    expect((await preview(there)).failures).toEqual([]);
    expect(asked).toEqual(["ahead"]);
  });

  it("hears how it is by then, whatever the helper was told when it was asked first", async () => {
    const there = await made(stack);
    await stop();
    const other = ref("n9", "org/blog/prod");
    await site.store.put("nodes", { ref: other, spec: specs.node("10.0.0.1"), state: {} });
    await start();
    expect((await preview(there)).failures).toEqual([expect.stringMatching(/^n1: .*NODE_SAME_CONTROLLER/)]);
    expect(asked).toEqual(["ahead", "nodes/plan"]);
  });

  it("is told nothing of what was deleted, nor of what cannot be read, and then asks one by one", async () => {
    const there = await made(stack);
    await whole.images.remove(site.ctx, ref("j"));
    await stop();
    expect((await site.store.askedBy(owner)).map((one) => one.ref.name)).not.toContain("j");
    await site.store.keepAsked(owner, [{ nonsense: 1 } as never]);
    await start();
    expect((await preview(there)).failures).toEqual([]);
    expect(asked).toHaveLength(1 + there.length);
  });

  it("asks by itself for what has changed, and the helper hears first what was given out", async () => {
    await enrolled(rack);
    await preview(rack.with(4, node(3, { cpus: 8 })));
    expect(asked).toEqual(["ahead", "ahead/used", "nodes/plan"]);
    asked = [];
    // Whose card the other one's is, the run knows only if it was told of it.
    const twice = rack.with(7, card(4, "52:54:00:00:00:01"));
    expect((await preview(twice)).failures).toEqual([expect.stringMatching(/^c4: .*MAC_TAKEN/)]);
  });

  it("finds out that a name is declared twice, also where nothing else has changed", async () => {
    const declared = (urn: string) => {
      const spec: Spec = { ...specs.flavor, __urn: urn };
      return ["flavors", "f", spec, spec] as const;
    };
    const [flavor, other] = [declared("a"), declared("b")];
    await enrolled([flavor]);
    const first = await preview([flavor, other]);
    const second = await preview([flavor, other]);
    expect(first.failures).toHaveLength(1);
    expect(second.failures).toEqual(first.failures);
  });

  it("asks by itself for an instance once anything before it has changed", async () => {
    const flavor = ["flavors", "f", specs.flavor, specs.flavor] as const;
    const image = ["images", "i", specs.image, specs.image] as const;
    const spec = specs.instance({ node: "n1", interfaces: ["c1"] });
    const program: Program = [node(1), card(1), flavor, image, ["instances", "web", spec]];
    await enrolled(program.slice(0, 4));
    await preview(program);
    asked = [];
    await preview(program);
    expect(asked).toEqual(["ahead", "ahead/used", "instances/plan"]); // it is yet to be made
    asked = [];
    await preview(program.with(1, card(1, "52:54:00:00:00:09")));
    expect(asked.slice(-1)).toEqual(["instances/plan"]);
  });

  it("tells what was given out before anything is done", async () => {
    await enrolled(rack);
    const client = provider();
    const { run } = await preview(rack, client);
    const [, name, spec] = node(1);
    await client.nodes.ensure(site.ctx, ref(name), spec, { run });
    expect(asked).toEqual(["ahead", "ahead/used", "nodes/ensure"]);
  });

  it("is told nothing ahead where its token may not have secrets, or is another stack's", async () => {
    await enrolled(rack);
    const asker = { owner, run: "r", dryRun: true };
    const as = (scope: "read" | "deploy", of = "*/*") => guardedSite(whole, { name: "ci", owner: of, scope });
    expect(await as("deploy").ahead.look(site.ctx, asker)).toHaveLength(rack.length);
    expect(await as("read").ahead.look(site.ctx, asker)).toEqual([]);
    await expect(as("deploy", "blog/*").ahead.look(site.ctx, asker)).rejects.toMatchObject({
      code: "TOKEN_OWNER",
    });
  });
});
