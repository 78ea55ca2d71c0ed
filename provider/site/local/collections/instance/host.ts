import { isForeign } from "../../../../kernel/arch.ts";
import type { Context } from "../../../../kernel/context.ts";
import { type MetalError, refused } from "../../../../kernel/errors.ts";
import type { InstanceSpec, NodeSpec } from "../../../../resources/index.ts";
import type { Card } from "../../network/network.ts";
import type { Parts } from "../../parts.ts";
import { readyToWait } from "./waiting.ts";

/** What this host lacks for a deployment: the network's side, the boot loader, the writer's, and what it takes to wait. */
export async function hostProblems(
  ctx: Context,
  parts: Parts,
  spec: InstanceSpec,
  { node, cards }: { readonly node: NodeSpec | undefined; readonly cards: readonly Card[] },
): Promise<readonly MetalError[]> {
  const { network, writer } = parts;
  return [
    ...(await network.problems(ctx, cards)),
    ...(await refused(loadersReady(ctx, parts, node))),
    ...(await refused((async () => (await writer()).ready(ctx))())),
    ...(await refused(readyToWait(ctx, spec))),
  ];
}

/** What this host cannot install is fetched with the ramdisk: a preview does not. */
async function loadersReady(ctx: Context, { boot }: Parts, node: NodeSpec | undefined): Promise<void> {
  if (node === undefined || (node.bootMode === "uefi" && isForeign(node.arch))) return;
  await (await boot(node)).ready(ctx);
}
