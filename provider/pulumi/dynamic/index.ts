import { randomUUID } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";
import type { dynamic } from "@pulumi/pulumi";
import { cacheHome, siteSettings } from "../../environment.ts";
import { type Context, newContext, realClock } from "../../kernel/context.ts";
import { silent } from "../../kernel/log.ts";
import { launchOf, version } from "../../launch.ts";
import type { CollectionName } from "../../resources/resource.ts";
import { connectEmbedded } from "../../site/embedded.ts";
import { connectRemote } from "../../site/remote.ts";
import type { Failure } from "../../site/site.ts";
import type { Properties } from "../check.ts";
import { toPulumiError } from "../failure.ts";
import { askerOf, checkResource, diffResource, inputsOf, refOf, type Session } from "../lifecycle.ts";
import { createReporter } from "../progress.ts";
import { createLeaving, type Leaving } from "./leaving.ts";
import { connectStatus, type Status, writesToTerminal } from "./status.ts";

/**
 * What the SDK's providers call. This module is a composition root: it reads argv and the environment, and holds the one
 * session of its plugin process. Pulumi calls `configure` before the first method of a provider, but does not wait for
 * it before the second (facts: pulumi, 1.3): so whoever needs the site waits for the settings here.
 */

interface Process extends Session {
  readonly status: Promise<Status>;
  readonly interactive: boolean;
  readonly leaving: Leaving;
  /** Tell the stack's `baremetal:site`; the first word counts. */
  readonly configure: (site: string | undefined) => void;
}
let running: Process | undefined;

function session(): Process {
  if (running === undefined) {
    running = open();
    endWithPulumi(running);
  }
  return running;
}

/**
 * An interrupt is Pulumi's word that nobody waits any more: at the end of each run, and at a second Ctrl-C. When its engine
 * is gone without a word it was killed: then nobody would ever end this process, and nobody said what is wanted.
 */
function endWithPulumi({ leaving, site, status }: Process): void {
  let ending = false;
  process.on("SIGINT", () => {
    if (ending) return;
    ending = true;
    void leaving.leave(newContext(), site).finally(() => process.exit(130));
  });
  void status.then(({ gone }) => gone).then(() => process.exit(1));
}

function open(): Process {
  let tell: (site: string | undefined) => void = () => {};
  const told = new Promise<string | undefined>((resolve) => {
    tell = resolve;
  });
  let site: ReturnType<Session["site"]> | undefined;
  return {
    run: randomUUID(),
    folder: process.cwd(),
    plans: new Map(),
    status: connectStatus(process.argv.at(-1)),
    interactive: writesToTerminal(process.ppid),
    leaving: createLeaving(),
    configure: tell,
    site() {
      site ??= told.then(connect).catch((error) => {
        site = undefined; // the next resource may have more luck
        throw error;
      });
      return site;
    },
  };
}

// No resource in particular: what is said appears on the stack's row.
const connect = (configured: string | undefined) => onRow({}, (ctx) => connectTo(ctx, configured));

async function connectTo(ctx: Context, configured: string | undefined) {
  const cacheDir = join(cacheHome(process.env, homedir()), "images");
  const caller = { version: version(), token: process.env["BAREMETAL_TOKEN"], cacheDir };
  const remote = await connectRemote(ctx, configured, caller);
  if (remote !== undefined) return remote;
  const settings = siteSettings(configured, process.env, homedir());
  return connectEmbedded(ctx, settings, launchOf(process.execPath, process.execArgv));
}

/** Do something in a context whose progress and warnings appear on the row of the resource. */
async function onRow<T>(properties: Properties, body: (ctx: Context) => Promise<T>): Promise<T> {
  const { status, interactive } = session();
  const urn = String(properties["__urn"] ?? "");
  const said = await status;
  const over = new AbortController();
  const row = { say: said.on(urn), clock: realClock, interactive, over: over.signal };
  const log = {
    ...silent,
    warn: (text: string) => said.warn(urn, text),
    info: (text: string) => said.info(urn, text),
  };
  try {
    return await body(newContext({ report: createReporter(row), log }));
  } finally {
    over.abort();
  }
}

export async function configure({ config }: dynamic.ConfigureRequest): Promise<void> {
  session().configure(config.get("baremetal:site"));
}

export async function check(collection: CollectionName, olds: Properties, news: Properties) {
  const { inputs, failures } = await onRow(news, (ctx) =>
    checkResource(ctx, session(), collection, olds, news),
  );
  return { inputs, failures: failures.map((failure) => asShown(failure, news)) };
}

/** Pulumi shows the value of the property it is told, which it looks for at the top level: it says `<nil>` of any other. */
const asShown = ({ property, reason }: Failure, news: Properties): Failure =>
  property === "" || property in news
    ? { property, reason }
    : { property: "", reason: `${property}: ${reason}` };

export async function diff(
  collection: CollectionName,
  _id: string,
  olds: Properties,
  news: Properties,
): Promise<dynamic.DiffResult> {
  const { changes, replaces } = diffResource(session(), collection, olds, news);
  return { changes, replaces: [...replaces], deleteBeforeReplace: true };
}

export async function create(collection: CollectionName, inputs: Properties): Promise<dynamic.CreateResult> {
  return { id: refOf(inputs).name, outs: await ensure(collection, inputs, undefined) };
}

export async function update(
  collection: CollectionName,
  _id: string,
  olds: Properties,
  news: Properties,
): Promise<dynamic.UpdateResult> {
  return { outs: await ensure(collection, news, olds) };
}

async function ensure(collection: CollectionName, inputs: Properties, olds: Properties | undefined) {
  const { __provider, __lost, __protected, ...spec } = inputs;
  try {
    const { site, run, folder, leaving } = session();
    const known = { run, folder, protect: __protected === true, ...(olds ? { state: olds } : {}) };
    const ref = refOf(inputs);
    const made = () => onRow(inputs, async (ctx) => (await site())[collection].ensure(ctx, ref, spec, known));
    const state = await (collection === "instances" ? leaving.waiting(ref, made) : made());
    return { ...state, __provider };
  } catch (error) {
    throw toPulumiError(error, inputs);
  }
}

export async function read(
  collection: CollectionName,
  id: string,
  properties: Properties,
): Promise<dynamic.ReadResult> {
  const { site } = session();
  const { __provider, ...state } = properties;
  const ref = { ...askerOf(properties), name: id };
  try {
    const seen = await onRow(properties, async (ctx) =>
      (await site())[collection].observe(ctx, ref, { state }),
    );
    if (seen === undefined) return {};
    const props = { ...state, ...seen, __provider };
    return { id, props, inputs: { ...inputsOf(collection, props), __provider } };
  } catch (error) {
    throw toPulumiError(error, properties);
  }
}

export async function remove(collection: CollectionName, id: string, properties: Properties): Promise<void> {
  const { __provider, ...state } = properties;
  const ref = { ...askerOf(properties), name: id };
  try {
    const { site, run } = session();
    await onRow(properties, async (ctx) => (await site())[collection].remove(ctx, ref, { state, run }));
  } catch (error) {
    throw toPulumiError(error, properties);
  }
}
