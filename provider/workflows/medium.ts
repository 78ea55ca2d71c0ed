import type { Context } from "../kernel/context.ts";
import { MetalError } from "../kernel/errors.ts";
import type { NetbootMachine } from "./netboot.ts";

/** How a server's firmware is led to what was laid for it: by the network, or by a CD that its controller shows. */
export async function aimAtRamdisk(
  ctx: Context,
  machine: NetbootMachine,
  persistent: boolean,
): Promise<void> {
  const { boot, power, node, bootFiles } = machine;
  const firmware = node.spec.bootMode;
  const url = await boot.medium?.(ctx, bootFiles());
  if (url === undefined) return power.bootFrom(ctx, { device: "network", persistent, firmware });
  // A Node's check lets no other controller through.
  if (power.media === undefined) throw new TypeError(`the controller of ${node.name} has no virtual media`);
  await power.media.insert(ctx, url);
  await power.media.bootOnce(ctx, firmware);
}

/** Take the CD out, where there is one. What is on it is of no use any more: a controller that does not answer is no failure. */
export async function takeMediumOut(ctx: Context, { boot, power, node }: NetbootMachine): Promise<void> {
  if (boot.medium === undefined) return;
  try {
    await power.media?.eject(ctx);
  } catch (error) {
    if (!(error instanceof MetalError) || error.record.fault !== "controller") throw error;
    ctx.log.warn("the virtual medium was not taken out", { node: node.name, reason: error.message });
  }
}
