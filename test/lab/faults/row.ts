import { stat } from "node:fs/promises";
import { newContext } from "../../../provider/kernel/context.ts";
import type { TestImages } from "../../../tools/images/index.ts";
import { expectWhole } from "../installed.ts";
import type { Lab, PaperOptions, PaperServer } from "../lab/index.ts";
import { bootFilesOf, type DeclareOptions, enrol, install, menuOf, nameOn, type TestSite } from "../site.ts";

type Inputs = Readonly<Record<string, unknown>>;

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
  readonly args?: Inputs;
  readonly node?: Inputs;
  readonly paper?: Omit<PaperOptions, "name">;
  /** The store takes nothing while the fault lasts, so that what there is is looked at in its lists alone. */
  readonly unwritten?: true;
  /** Begins when the deployment has reached this stage. Default: before it. */
  readonly at?: string;
  /** Put the fault in; answers what takes it out. */
  readonly put: (scene: Scene) => Promise<Lift>;
}

/** What takes a fault out, and what is to be known meanwhile. */
export interface Lift {
  readonly lift: () => Promise<void>;
  /** At the end of the row. */
  readonly stop?: () => Promise<void>;
  /** More inputs: a controller behind a wire, an image behind another. */
  readonly node?: Inputs;
  readonly args?: Inputs;
  /** An image that is declared first, under the fault, and installed. */
  readonly image?: Inputs;
  /** What the fault did, in words; throws when it did nothing. */
  readonly told?: () => string;
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
    const args = () => ({ ...row.args, ...put?.args });
    const declare = (more: Inputs, options: DeclareOptions = {}) =>
      declared(scene, { ...row, ...put }, more, options);
    let begun: Promise<void> | undefined;
    const onProgress = ({ stage }: { stage: string }) => {
      if (stage === row.at) begun ??= fault();
    };
    const began = performance.now();
    const outcome = await inTime(declare(args(), { onProgress }));
    await begun;
    const ended = `${outcome} in ${secondsSince(began)}`;
    check(
      row.ends.includes(outcome),
      `it ended ${outcome}: ${String(site.remembered("instances", nameOn(server))?.["lastError"])}`,
    );
    const state = row.unwritten ? await asWritten(scene, outcome) : await safe(scene, outcome);
    const told = put?.told?.();
    await put?.lift();
    const again = performance.now();
    // What an operator does: look, and declare it again.
    if (outcome !== "active") await declare({ ...args(), wipe: true });
    await expectWhole(server.diskPath(), images.whole);
    await site.remove("instances", nameOn(server));
    check(!(await server.isOn()), "it is on after its release");
    const mend = outcome === "active" ? [] : [`then active in ${secondsSince(again)}`];
    return [ended, state, ...(told ? [told] : []), ...mend].join("; ");
  } finally {
    await put?.lift();
    await put?.stop?.();
    await server.stop();
  }
}

async function declared(
  { site, server }: Scene,
  { image, node }: Pick<Lift, "image" | "node">,
  args: Inputs,
  options: DeclareOptions,
): Promise<void> {
  const name = `image-of-${server.name}`;
  await enrol(site, server, node);
  if (image) await site.declare("images", name, image);
  const state = await install(site, server, { ...args, ...(image ? { image: name } : {}) }, options);
  check(state["provisionState"] === "active", `it ended well, and is ${state["provisionState"]}`);
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
  const state = String(node?.["provisionState"] ?? "not enrolled");
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
  check(["available", "deploy failed", "not enrolled"].includes(state), `the node is ${state}`);
  return `${(await server.isOn()) ? "on" : "off"}, ${disk}, node ${state}`;
}

/** What the store says, which takes no word more: active where that is so, and else stopped where it stood. */
async function asWritten({ site: { local }, server: { name } }: Scene, outcome: string): Promise<string> {
  const ctx = newContext();
  const [nodes, instances] = [await local.nodes.list(ctx), await local.instances.list(ctx)];
  const node = String(nodes.find((one) => one["name"] === name)?.["provisionState"] ?? "not enrolled");
  const mine = instances.filter(({ assignedNode }) => assignedNode === name);
  const states = mine.map(({ provisionState }) => String(provisionState)).join(", ");
  check(mine.length <= 1, `there are ${mine.length} instances on it`);
  check(
    (states === "active") === (outcome === "active"),
    `it ended ${outcome}, and its instance is ${states}`,
  );
  return `node ${node}, instance ${states || "none"}`;
}

/** By a clock that nobody sets. */
const secondsSince = (start: number): string => `${((performance.now() - start) / 1000).toFixed(1)} s`;

/** Throws with these words unless it is so. */
export function check(so: boolean, words: string): void {
  if (!so) throw new Error(words);
}
