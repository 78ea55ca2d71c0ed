import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pulumiEnvironment } from "../../../tools/program/environment.ts";
import { preparePackage } from "../../../tools/program/package.ts";
import { layProgram, type Program } from "../../bench/lib/program.ts";
import { allEnded, helpersOf } from "../../engine/processes.ts";

const repo = fileURLToPath(new URL("../../../", import.meta.url));

/** Lay a program for the Pulumi CLI with records of its own, run `body` with it, and leave nothing behind. */
export async function withStack(
  name: string,
  text: string,
  body: (program: Program) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), `story-${name}-`));
  const cache = join(repo, "node_modules", ".cache", "pulumi-baremetal");
  // The manners are those of a user's site: controllers are treated gently, which takes time.
  const site = { idle: "60 seconds", callbackPort: 10_001 };
  try {
    const [packed, env] = [await preparePackage({ repo, cache }), await pulumiEnvironment({ folder })];
    await body(await layProgram({ name, text, folder, repo, package: packed, env, site }));
  } finally {
    for (const pid of await helpersOf(folder)) process.kill(pid, "SIGTERM");
    await allEnded(folder);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** What a stack's state says of each resource, by its name: inputs and outputs, without what is encrypted. */
export async function stateOf({ pulumi }: Program): Promise<ReadonlyMap<string, Kept>> {
  const { deployment } = JSON.parse(await pulumi("stack", "export")) as Exported;
  const own = deployment.resources.filter(({ type }) => type.includes("baremetal"));
  const plain = (kept: Kept) =>
    JSON.parse(JSON.stringify(kept, (key, value) => (key === "ciphertext" ? undefined : value))) as Kept;
  return new Map(own.map(({ urn, inputs, outputs }) => [nameOf(urn), plain({ inputs, outputs })]));
}

const nameOf = (urn: string) => urn.replace(/^.*[:$](\w+)::/, "$1 ");

export interface Kept {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
}

interface Exported {
  readonly deployment: {
    readonly resources: readonly (Kept & { readonly type: string; readonly urn: string })[];
  };
}
