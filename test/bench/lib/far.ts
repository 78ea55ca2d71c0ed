import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createApi } from "../../../provider/api/server.ts";
import { newContext } from "../../../provider/kernel/context.ts";
import { silent } from "../../../provider/kernel/log.ts";
import { checkResource, diffResource, type Session } from "../../../provider/pulumi/lifecycle.ts";
import { lookingAhead } from "../../../provider/site/ahead/client.ts";
import { clientOf } from "../../../provider/site/client.ts";
import { createAhead } from "../../../provider/site/local/ahead.ts";
import type { Site } from "../../../provider/site/site.ts";
import { overSocket, type Transport } from "../../../provider/site/transport.ts";
import { asSite } from "../../fixtures/command-line.ts";
import { openFakeSite, owner, specs } from "../../fixtures/site-parts.ts";
import { asRatio, inSeconds, Samples, table, timed, verdict } from "./figures.ts";

/** There and back. */
const wayMs = 30;

/**
 * What the plans of an update without changes take, as Pulumi asks for them, one after the other: on the helper's own host,
 * and over a line of 30 ms: before there is anything, in the first run after it was made, after the helper was started anew, and in a later one.
 */
export async function benchFar(nodes: number, rounds: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "bench-far-"));
  const site = await openFakeSite();
  const socket = overSocket(join(folder, "s"));
  let stop = async () => {};
  const start = async () => {
    const { ahead, collections, close } = createAhead(site, site.store);
    const app = createApi({
      ...{ site: { ...asSite(site), ...collections, ahead }, log: silent, busy: () => {} },
    });
    await app.listen({ path: join(folder, "s") });
    stop = async () => {
      await app.close();
      await close();
    };
  };
  const samples = new Samples();
  try {
    await start();
    const all = Array.from({ length: nodes }, (_, n) => inputsOf(n));
    const run = (client: Site) => timed(() => planned(client, all));
    samples.add(rows.asked, await timed(() => planned(lookingAhead(clientOf(delayed(socket))), all, false)));
    const made = clientOf({ ...socket, elsewhere: true });
    for (const inputs of all)
      await made.nodes.ensure(site.ctx, { owner, name: inputs.name }, inputs, { run: `run-${runs}` });
    samples.add(rows.made, await run(lookingAhead(clientOf(delayed(socket)))));
    for (let round = 0; round < rounds; round += 1) {
      samples.add(rows.here, await run(clientOf(socket)));
      samples.add(rows.far, await run(lookingAhead(clientOf(delayed(socket)))));
      await stop();
      await start();
      samples.add(rows.anew, await run(lookingAhead(clientOf(delayed(socket)))));
    }
  } finally {
    await stop();
    await site.close();
    await rm(folder, { recursive: true });
  }
  report(nodes, samples);
}

const rows = {
  here: "on the helper's host",
  far: `far, ${wayMs} ms`,
  asked: `far, ${wayMs} ms, before there is anything`,
  made: `far, ${wayMs} ms, the first run after all was made`,
  anew: `far, ${wayMs} ms, the first run after the helper's start`,
} as const;

let runs = 0;
/** As Pulumi's engine does it. */
async function planned(
  client: Site,
  all: readonly ReturnType<typeof inputsOf>[],
  there = true,
): Promise<void> {
  runs += 1;
  const session: Session = { site: async () => client, run: `run-${runs}`, folder: "/", plans: new Map() };

  for (const inputs of all) {
    const news = { ...inputs, __dryRun: true };
    const { failures } = await checkResource(newContext(), session, "nodes", there ? inputs : {}, news);
    const changes = there && diffResource(session, "nodes", inputs, inputs).changes;
    if (failures.length > 0 || changes) throw new Error(`it is not as it was: ${JSON.stringify(failures)}`);
  }
}

const inputsOf = (n: number) => ({
  ...specs.node(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`),
  ...{
    name: `n${n}`,
    __owner: owner,
    __urn: `urn:pulumi:prod::shop::baremetal:Node::n${n}`,
    __logicalName: `n${n}`,
  },
});

/** A line that takes its time in both directions. */
const delayed = (transport: Transport): Transport => ({
  ...transport,
  elsewhere: true,
  async send(ctx, path, body) {
    await pause(wayMs);
    return transport.send(ctx, path, body);
  },
});

function report(nodes: number, samples: Samples): void {
  console.log(`\nplans of ${nodes} nodes without changes, one after the other`);
  console.log(table(samples.names().map((name) => [name, inSeconds(samples.median(name))])));
  const ratio = samples.median(rows.far) / samples.median(rows.here);
  console.log(`\n${verdict("far against the local socket", asRatio(ratio), "at most 2 x", ratio <= 2)}`);
}
