import type { BootDriver, BootFiles } from "../drivers/boot/driver.ts";
import type { ConductedPower } from "../drivers/power/conduct/index.ts";
import type { Context } from "../kernel/context.ts";
import { MetalError } from "../kernel/errors.ts";
import type { NodeSpec } from "../resources/index.ts";

/** What it takes to have a server start what was laid for it. */
interface Startable {
  readonly boot: BootDriver;
  readonly power: ConductedPower;
  readonly node: { readonly name: string; readonly spec: Pick<NodeSpec, "bootMode"> };
  readonly bootFiles: () => BootFiles;
}

/** How a server's firmware is led to what was laid for it: by the network, or by a CD that its controller shows. */
export async function aimAtRamdisk(ctx: Context, machine: Startable, persistent: boolean): Promise<void> {
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
export async function takeMediumOut(ctx: Context, { boot, power, node }: Startable): Promise<void> {
  if (boot.medium === undefined) return;
  try {
    await power.media?.eject(ctx);
  } catch (error) {
    if (!(error instanceof MetalError) || error.record.fault !== "controller") throw error;
    ctx.log.warn("the virtual medium was not taken out", { node: node.name, reason: error.message });
  }
}
