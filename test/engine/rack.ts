import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { z } from "zod";
import type { SiteSettings } from "../../provider/site/settings.ts";
import { buildTestImages, imageCache, type TestImages } from "../../tools/images/index.ts";
import { labMark } from "../lab/lab/enter.ts";
import { openLab, type PaperOptions, type PaperServer } from "../lab/lab/index.ts";
import { programsRunning } from "../lab/programs.ts";
import { type Knobs, programOf } from "./declare.ts";
import { reason as noPulumi, openWorkspace, type Workspace } from "./workspace.ts";

/** Why these tests are left out; undefined = they are not. */
export const reason: string | undefined =
  noPulumi ??
  (process.env[labMark] === "1" ? undefined : "not in a lab: start these tests by `npm test -- engine`");

export interface RackOptions {
  /** Names, or what they are. */
  readonly servers: readonly (string | PaperOptions)[];
  /** Default: `rack`. */
  readonly project?: string;
  /** Default: `dev` alone. */
  readonly stacks?: readonly string[];
  /** Settings of the site that differ from those of a lab. */
  readonly site?: SomeSettings;
  /** Milliseconds after which a call of the CLI is ended. Default: two minutes. */
  readonly timeout?: number;
}

/** A user with a program and a Pulumi CLI, whose stacks are deployed to paper servers. */
export interface Rack extends Omit<Workspace, "program"> {
  readonly servers: readonly PaperServer[];
  readonly server: (name: string) => PaperServer;
  readonly images: TestImages;
  /** The text of a program, for `write`. Without knobs each server has an Instance `on-NAME` of the image `whole`. */
  readonly program: (knobs?: Knobs) => string;
  /** `set …` commands that a server's controller was given. */
  readonly commandsTo: (name: string) => Promise<readonly string[]>;
  /** Names of the servers that a boot menu of their own is served to. */
  readonly menus: () => Promise<readonly string[]>;
}

export type SomeSettings = Partial<z.input<typeof SiteSettings>>;

/** Emulated controllers need no manners, and an emulated rack no half an hour. */
export function settingsOf({ limits, manners, ...more }: SomeSettings): SomeSettings {
  const short = {
    power: "10 seconds",
    callback: "60 seconds",
    answer: "60 seconds",
    soft: "5 seconds",
  } as const;
  const hasty = {
    gap: "20 ms",
    gapAfterError: "100 ms",
    rest: "100 ms",
    poll: "100 ms",
    stagger: "50 ms",
  } as const;
  return {
    ...{ callbackPort: 10_000, cacheDir: dirname(imageCache()), interface: "br0", ramdisk: "lab" },
    ...{ routerAdvertise: true, pxeAppendParams: "console=ttyS0" },
    limits: { ...short, ...limits },
    manners: { ...hasty, ...manners },
    ...more,
  };
}

/** Open the lab with paper servers, and a workspace whose site is the lab. Images and ramdisk come from the user's cache. */
export async function openRack(options: RackOptions): Promise<Rack> {
  const { project = "rack", stacks = ["dev"], site = {}, timeout } = options;
  const folder = await mkdtemp(join(tmpdir(), "baremetal-rack-"));
  const lab = await openLab({ dir: folder });
  const leave = async () => {
    await lab.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  const wanted = options.servers.map((one) => (typeof one === "string" ? { name: one } : one));
  try {
    const [images, workspace, ...servers] = await Promise.all([
      buildTestImages(imageCache()),
      openWorkspace(project, stacks, {
        site: settingsOf(site),
        ...(timeout === undefined ? {} : { timeout }),
      }),
      ...wanted.map((one) => lab.paper(one)),
    ]);
    return rackOf(workspace, servers, images, leave);
  } catch (error) {
    await leave();
    throw error;
  }
}

function rackOf(
  workspace: Workspace,
  servers: readonly PaperServer[],
  images: TestImages,
  leave: () => Promise<void>,
): Rack {
  const server = (name: string) => {
    const found = servers.find((one) => one.name === name);
    if (found === undefined) throw new RangeError(`the rack has no server ${name}`);
    return found;
  };
  const folder = join(workspace.folder, "state", "pulumi-baremetal", "tftp", "pxelinux.cfg");
  return {
    ...workspace,
    ...{ servers, server, images },
    program: (knobs) => programOf(servers, images, knobs),
    async commandsTo(name) {
      const calls = await server(name).calls();
      return calls.map((line) => line.replace(/^\S+ /, "")).filter((call) => call.startsWith("set "));
    },
    async menus() {
      const files = await readdir(folder).catch((): string[] => []);
      const has = ({ mac }: PaperServer) => files.includes(`01-${mac.replaceAll(":", "-")}`);
      return servers.filter(has).map(({ name }) => name);
    },
    async close() {
      try {
        await workspace.close();
      } finally {
        await leave();
      }
      const left = await programsRunning();
      if (left.length > 0) throw new Error(`still there: ${left.join("; ")}`);
    },
  };
}
