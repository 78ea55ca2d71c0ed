import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { z } from "zod";
import { type Context, newContext, type Progress } from "../../provider/kernel/context.ts";
import { lineLogger } from "../../provider/kernel/log.ts";
import { resources } from "../../provider/resources/index.ts";
import type { CollectionName } from "../../provider/resources/resource.ts";
import { type LocalSite, openLocalSite } from "../../provider/site/local/index.ts";
import { SiteSettings } from "../../provider/site/settings.ts";
import { type Known, PartlyDone, type Plan, type Site, type State } from "../../provider/site/site.ts";
import { imageCache, type TestImages } from "../../tools/images/index.ts";
import type { Lab, LabServer } from "./lab/index.ts";

type SiteSettingsInput = z.input<typeof SiteSettings>;
type Args = Readonly<Record<string, unknown>>;

export interface DeclareOptions {
  /** Leave out the plan that Pulumi asks for first. */
  readonly unplanned?: boolean;
  /** Heard at once for each report, so that a test can act in the middle of a stage. */
  readonly onProgress?: (progress: Progress) => void;
  /** The caller's own; the work goes on without the caller. */
  readonly signal?: AbortSignal;
  /** What Pulumi would tell beside the state. */
  readonly known?: Known;
}

/** A site that is spoken to as Pulumi does: it remembers the states that it was given. */
export interface Spoken {
  /** What was reported of a resource since it was first declared, or removed. */
  readonly progress: (name: string) => readonly Progress[];
  readonly plan: (collection: CollectionName, name: string, args: Args, known?: Known) => Promise<Plan>;
  /** Plan and ensure; the state. A plan with failures throws Refused. */
  readonly declare: (
    collection: CollectionName,
    name: string,
    args: Args,
    options?: DeclareOptions,
  ) => Promise<State>;
  readonly observe: (collection: CollectionName, name: string) => Promise<State | undefined>;
  readonly remove: (collection: CollectionName, name: string) => Promise<void>;
  /** What Pulumi's state would hold. */
  readonly remembered: (collection: CollectionName, name: string) => State | undefined;
}

/** One in this process. */
export interface TestSite extends Spoken {
  readonly local: LocalSite;
  readonly stateDir: string;
  readonly tftpRoot: string;
  /** What the site has logged, one line of JSON each. */
  readonly log: readonly string[];
  /** Close this site and open it again on the same store: a helper that died and its successor. `between`: what happens meanwhile. */
  readonly reopen: (between?: () => Promise<void>) => Promise<TestSite>;
  readonly close: () => Promise<void>;
}

/** A preview that failed: its reasons, each with its code at the end. */
export class Refused extends Error {
  override readonly name = "Refused";
}

const owner = "organization/lab/test";

/** Emulated controllers need no manners, and an emulated rack no half an hour. */
export function settingsOf(lab: Lab, stateDir: string, more: Partial<SiteSettingsInput>): SiteSettings {
  return SiteSettings.parse({
    ...{ stateDir, cacheDir: dirname(imageCache()), interface: lab.interface, ramdisk: "lab" },
    // An emulated timer comes late on a loaded host, and a kernel that checks it panics.
    ...{ routerAdvertise: true, pxeAppendParams: "console=ttyS0 no_timer_check" },
    limits: { power: "10 seconds", callback: "90 seconds", answer: "90 seconds", soft: "5 seconds" },
    manners: { gap: "20 ms", gapAfterError: "100 ms", rest: "100 ms", poll: "100 ms", stagger: "50 ms" },
    ...more,
  });
}

/** Open a site in the lab whose store lies in `stateDir`. */
export async function openSite(
  lab: Lab,
  stateDir: string,
  more: Partial<SiteSettingsInput> = {},
): Promise<TestSite> {
  return openWith(settingsOf(lab, stateDir, more), new Map());
}

export type Memory = Map<string, State>;

async function openWith(settings: SiteSettings, memory: Memory): Promise<TestSite> {
  const log: string[] = [];
  const own = newContext({ log: lineLogger((line) => log.push(line)) });
  const local = await openLocalSite(own, settings, "0.0.0-test");
  return {
    ...speak(local, memory, own),
    local,
    stateDir: settings.stateDir,
    tftpRoot: join(settings.stateDir, "tftp"),
    log,
    async reopen(between = async () => {}) {
      await local.close();
      await between();
      return openWith(settings, memory);
    },
    close: () => local.close(),
  };
}

/** Speak to a site as Pulumi does, wherever it is. */
export function speak(local: Site, memory: Memory = new Map(), own: Context = newContext()): Spoken {
  const heard = new Map<string, Progress[]>();
  const key = (collection: CollectionName, name: string) => `${collection}/${name}`;
  const known = (collection: CollectionName, name: string) => {
    const state = memory.get(key(collection, name));
    return state === undefined ? {} : { state };
  };
  const listening = (name: string, { onProgress, signal }: DeclareOptions): Context => {
    const list = heard.get(name) ?? [];
    heard.set(name, list);
    const report = (progress: Progress) => {
      list.push(progress);
      onProgress?.(progress);
    };
    return newContext({ report, ...(signal ? { signal } : {}) });
  };
  const specOf = (collection: CollectionName, name: string, args: Args) =>
    resources[collection].inputs.parse({ ...args, name }) as Args;
  const planned = (collection: CollectionName, name: string, spec: Args, more: Known = {}) =>
    local[collection].plan(newContext(), { owner, name }, spec, { ...known(collection, name), ...more });

  return {
    progress: (name) => heard.get(name) ?? [],
    plan: (collection, name, args, more) => planned(collection, name, specOf(collection, name, args), more),
    async declare(collection, name, args, options = {}) {
      let spec = specOf(collection, name, args);
      if (!options.unplanned) {
        const { failures, computed } = await planned(collection, name, spec, options.known);
        if (failures.length > 0) throw new Refused(failures.map(({ reason }) => reason).join("\n"));
        spec = { ...spec, ...computed };
      }
      const before = { ...known(collection, name), ...options.known };
      try {
        const ctx = listening(name, options);
        const state = await local[collection].ensure(ctx, { owner, name }, spec, before);
        memory.set(key(collection, name), state);
        return state;
      } catch (error) {
        if (error instanceof PartlyDone) memory.set(key(collection, name), error.state);
        throw error;
      }
    },
    async observe(collection, name) {
      const ctx = newContext({ log: own.log });
      const state = await local[collection].observe(ctx, { owner, name }, known(collection, name));
      if (state) memory.set(key(collection, name), state);
      else memory.delete(key(collection, name));
      return state;
    },
    async remove(collection, name) {
      const before = known(collection, name);
      await local[collection].remove(listening(name, {}), { owner, name }, before);
      memory.delete(key(collection, name));
      heard.delete(name);
    },
    remembered: (collection, name) => memory.get(key(collection, name)),
  };
}

/** Declare what the tests install: a flavor and both kinds of image. */
export async function declareSystems(site: Spoken, { whole, partition }: TestImages): Promise<void> {
  const sizes = { rootDisk: "1 GiB", swap: "128 MiB" };
  await site.declare("flavors", "small", { cpus: 1, memory: "256 MiB", ...sizes });
  await site.declare("images", "whole", { source: whole.disk.path, checksum: whole.disk.checksum });
  await site.declare("images", "partition", {
    source: partition.root.path,
    kernel: { source: partition.kernel.path },
    ramdisk: { source: partition.ramdisk.path },
    kernelArgs: ["console=ttyS0"],
  });
}

/** Declare a server of the lab as Node and, unless told otherwise, with its card. */
export async function enrol(
  site: Spoken,
  { name, mac, bmc }: LabServer,
  { card = true, ...more }: Args & { readonly card?: boolean } = {},
): Promise<void> {
  const power = { driver: "ipmi", ...bmc };
  await site.declare("nodes", name, { cpus: 1, memory: "512 MiB", disk: "4 GiB", power, ...more });
  if (card) await site.declare("interfaces", `${name}-eth0`, { node: name, mac });
}

/** Declare an instance on a server, of the whole-disk image unless told otherwise. It has the server's name with `on-` before it. */
export function install(
  site: Spoken,
  { name }: Pick<LabServer, "name">,
  args: Args = {},
  options: DeclareOptions = {},
): Promise<State> {
  return site.declare("instances", nameOn({ name }), instanceArgs(site, { name }, args), options);
}

export const nameOn = ({ name }: Pick<LabServer, "name">): string => `on-${name}`;

/** The inputs of `install`, with the digests that the SDK passes on. */
export function instanceArgs(site: Spoken, { name }: Pick<LabServer, "name">, args: Args = {}): Args {
  const { flavor = "small", image = "whole" } = args as { flavor?: string; image?: string };
  const flavorDigest = site.remembered("flavors", flavor)?.["digest"];
  const imageDigest = site.remembered("images", image)?.["digest"];
  return { ...{ flavor, image, node: name, flavorDigest, imageDigest, hardReboot: true }, ...args };
}

/** Stages in their order, each named once for each time it began. */
export function stagesOf(progress: readonly Progress[]): readonly string[] {
  return progress.map(({ stage }) => stage).filter((stage, index, all) => stage !== all[index - 1]);
}

/** What a server can fetch, apart from the boot loader and the menu of those who have none: paths below the root. */
export async function bootFilesOf({ tftpRoot }: Pick<TestSite, "tftpRoot">): Promise<readonly string[]> {
  const common = [
    ...["pxelinux.0", "ldlinux.c32", "pxelinux.cfg/default"],
    ...["shimx64.efi", "grubx64.efi", "shimaa64.efi", "grubaa64.efi", "grub/grub.cfg"],
  ];
  const all = await readdir(tftpRoot, { recursive: true, withFileTypes: true }).catch(() => []);
  return all
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name).slice(tftpRoot.length + 1))
    .filter((path) => !common.includes(path))
    .sort();
}

/** What a server would boot now: the text of its own menu. Empty if it has none. */
export function menuOf({ tftpRoot }: TestSite, { mac }: Pick<LabServer, "mac">): Promise<string> {
  const path = join(tftpRoot, `pxelinux.cfg/01-${mac.replaceAll(":", "-")}`);
  return readFile(path, "utf8").catch(() => "");
}

/** `set …` commands that a server's controller was given. */
export async function commandsTo(server: LabServer): Promise<readonly string[]> {
  return (await server.calls()).map((line) => line.split(" ").slice(1).join(" ")).filter(isCommand);
}

const isCommand = (call: string) => call.startsWith("set ");
