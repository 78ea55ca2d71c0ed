import { randomUUID } from "node:crypto";
import { homedir } from "node:os";
import type { dynamic } from "@pulumi/pulumi";
import { siteSettings } from "../../environment.ts";
import { type Context, newContext, realClock } from "../../kernel/context.ts";
import { silent } from "../../kernel/log.ts";
import { launchOf } from "../../launch.ts";
import type { CollectionName } from "../../resources/resource.ts";
import { connectEmbedded } from "../../site/embedded.ts";
import type { Properties } from "../check.ts";
import { toPulumiError } from "../failure.ts";
import { checkResource, diffResource, inputsOf, refOf, type Session } from "../lifecycle.ts";
import { createReporter } from "../progress.ts";
import { connectStatus, type Status, writesToTerminal } from "./status.ts";

/**
 * What the SDK's providers call. This module is a composition root: it reads argv and the environment, and holds the one
 * session of its plugin process. Pulumi starts `configure` without waiting for it, so the stack's configuration is read
 * from the environment instead, which is there from the start.
 */

interface Process extends Session {
  readonly status: Promise<Status>;
  readonly interactive: boolean;
}
let process_: Process | undefined;

function session(): Process {
  process_ ??= open();
  return process_;
}

function open(): Process {
  const status = connectStatus(process.argv.at(-1));
  let site: ReturnType<Session["site"]> | undefined;
  return {
    run: randomUUID(),
    folder: process.cwd(),
    status,
    interactive: writesToTerminal(process.ppid),
    site() {
      site ??= connect().catch((error) => {
        site = undefined; // the next resource may have more luck
        throw error;
      });
      return site;
    },
  };
}

async function connect() {
  const configured = configOf(process.env["PULUMI_CONFIG"])["baremetal:site"];
  const settings = siteSettings(configured, process.env, homedir());
  return connectEmbedded(newContext(), settings, launchOf(process.execPath, process.execArgv));
}

const configOf = (json: string | undefined): Readonly<Record<string, string>> =>
  json === undefined ? {} : (JSON.parse(json) as Record<string, string>);

/** A context whose progress and warnings appear on the row of the resource. */
async function contextFor(properties: Properties): Promise<Context> {
  const { status, interactive } = session();
  const urn = String(properties["__urn"] ?? "");
  const said = await status;
  return newContext({
    report: createReporter(said.on(urn), realClock, interactive),
    log: { ...silent, warn: (text) => said.warn(urn, text) },
  });
}

/** The configuration comes by the environment; there is nothing to do. */
export const configure = async (_request: dynamic.ConfigureRequest): Promise<void> => {};

export async function check(collection: CollectionName, olds: Properties, news: Properties) {
  const ctx = await contextFor(news);
  const { inputs, failures } = await checkResource(ctx, session(), collection, olds, news);
  return { inputs, failures: [...failures] };
}

export async function diff(
  collection: CollectionName,
  _id: string,
  olds: Properties,
  news: Properties,
): Promise<dynamic.DiffResult> {
  const { changes, replaces } = diffResource(collection, olds, news);
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
  const { __provider, ...spec } = inputs;
  try {
    const ctx = await contextFor(inputs);
    const { site, run, folder } = session();
    const known = { run, folder, ...(olds ? { state: olds } : {}) };
    const state = await (await site())[collection].ensure(ctx, refOf(inputs), spec, known);
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
  const ctx = await contextFor(properties);
  const { site } = session();
  const { __provider, ...state } = properties;
  try {
    const seen = await (await site())[collection].observe(ctx, { ...refOf(properties), name: id }, { state });
    if (seen === undefined) return {};
    const props = { ...state, ...seen, __provider };
    return { id, props, inputs: { ...inputsOf(collection, props), __provider } };
  } catch (error) {
    throw toPulumiError(error, properties);
  }
}

export async function remove(collection: CollectionName, id: string, properties: Properties): Promise<void> {
  const ctx = await contextFor(properties);
  const { __provider, ...state } = properties;
  try {
    await (await session().site())[collection].remove(ctx, { ...refOf(properties), name: id }, { state });
  } catch (error) {
    throw toPulumiError(error, properties);
  }
}
