import { stat } from "node:fs/promises";
import type { TestImages } from "../../../tools/images/index.ts";
import { expectWhole } from "../installed.ts";
import type { Lab, PaperOptions, PaperServer } from "../lab/index.ts";
import { bootFilesOf, enrol, install, menuOf, nameOn, type TestSite } from "../site.ts";

/** What a fault is put into. */
export interface Scene {
  readonly lab: Lab;
  readonly images: TestImages;
  readonly site: TestSite;
  readonly server: PaperServer;
}

/** A fault during a deployment, and how that may end. */
export interface FaultRow {
  readonly title: string;
  /** `active`, or codes of the catalogue. */
  readonly ends: readonly string[];
  /** Inputs of the instance, and of its node. */
  readonly args?: Readonly<Record<string, unknown>>;
  readonly node?: Readonly<Record<string, unknown>>;
  readonly paper?: Omit<PaperOptions, "name">;
  /** Begins when the deployment has reached this stage. Default: before it. */
  readonly at?: string;
  /** Put the fault in; answers what takes it out. */
  readonly put: (scene: Scene) => Promise<Lift>;
  /** More that has to be so at the end; words for the table. */
  readonly look?: (scene: Scene) => Promise<string>;
}

/** What takes a fault out, and what is to be known meanwhile. */
export interface Lift {
  readonly lift: () => Promise<void>;
  /** At the end of the row. */
  readonly stop?: () => Promise<void>;
  /** More inputs: a controller behind a wire, an image behind another. */
  readonly node?: Readonly<Record<string, unknown>>;
  readonly args?: Readonly<Record<string, unknown>>;
}

/** Longer than all limits of a deployment here together. */
const hangs = 15 * 60_000;

/**
 * Deploy under a fault. Throws unless the deployment ends as it may, within its limits, with the server safe, and unless
 * the same declaration ends active once the fault is gone. Answers what happened, in words.
 */
export async function underFault(row: FaultRow, stage: Omit<Scene, "server">, name: string): Promise<string> {
  const { lab, images, site } = stage;
  const server = await lab.paper({ name, ...row.paper });
  const scene: Scene = { ...stage, server };
  let put: Lift | undefined;
  const fault = async () => {
    put = await row.put(scene);
  };
  try {
    if (row.at === undefined) await fault();
    await enrol(site, server, { ...row.node, ...put?.node });
    const args = () => ({ ...row.args, ...put?.args });
    let begun: Promise<void> | undefined;
    const onProgress = ({ stage }: { stage: string }) => {
      if (stage === row.at) begun ??= fault();
    };
    const began = performance.now();
    const outcome = await inTime(install(site, server, args(), { onProgress }));
    await begun;
    const ended = `${outcome} in ${secondsSince(began)}`;
    check(
      row.ends.includes(outcome),
      `it ended ${outcome}: ${String(site.remembered("instances", nameOn(server))?.["lastError"])}`,
    );
    const state = await safe(scene, outcome);
    const more = await row.look?.(scene);
    await put?.lift();
    const again = performance.now();
    if (outcome !== "active") await mended(scene, args());
    await expectWhole(server.diskPath(), images.whole);
    const mend = outcome === "active" ? [] : [`then active in ${secondsSince(again)}`];
    return [ended, state, ...(more ? [more] : []), ...mend].join("; ");
  } finally {
    await put?.lift();
    await put?.stop?.();
    await server.stop();
  }
}

/** What an operator does: look, and declare it again. */
async function mended({ site, server }: Scene, args: Readonly<Record<string, unknown>>): Promise<void> {
  const state = await install(site, server, { ...args, wipe: true });
  check(state["provisionState"] === "active", `declared again it is ${state["provisionState"]}`);
}

async function inTime(outcome: Promise<unknown>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("it hangs")), hangs);
  });
  const ended = outcome.then(
    () => "active",
    (error: unknown) => {
      const text = error instanceof Error ? error.message : String(error);
      const code = /\[([A-Z_]+)\]/.exec(text)?.[1];
      if (code === undefined)
        throw new Error(`a failure that is not of the catalogue: ${text}`, { cause: error });
      return code;
    },
  );
  try {
    return await Promise.race([ended, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Active and served as its kind is, or off and served nothing, its disk as it was or set aside. */
async function safe({ site, server }: Scene, outcome: string): Promise<string> {
  const node = await site.observe("nodes", server.name);
  const state = String(node?.["provisionState"]);
  if (outcome === "active") {
    check(state === "active" && (await server.isOn()), `it is ${state}, and active was expected`);
    return "on, node active";
  }
  const served = (await bootFilesOf(site)).filter((path) => path.startsWith(`${nameOn(server)}/`));
  check(
    (await menuOf(site, server)) === "" && served.length === 0,
    `it is served ${served.join(", ") || "a menu"}`,
  );
  const { blocks } = await stat(server.diskPath());
  const disk = blocks === 0 ? "disk untouched" : "disk begun";
  check(state === "available" || state === "deploy failed", `the node is ${state}`);
  return `${(await server.isOn()) ? "on" : "off"}, ${disk}, node ${state}`;
}

/** By a clock that nobody sets. */
const secondsSince = (start: number): string => `${((performance.now() - start) / 1000).toFixed(1)} s`;

function check(so: boolean, words: string): void {
  if (!so) throw new Error(words);
}
