import type { Context } from "../../../../kernel/context.ts";
import type { ImageSpec, InstanceSpec } from "../../../../resources/index.ts";
import { isRescue } from "../../../../resources/states.ts";
import type { Ref } from "../../../site.ts";
import type { Parts } from "../../parts.ts";
import type { StoredDeployment } from "../../store/deployments.ts";
import { kindOf } from "../image.ts";
import { instancesUsing } from "../users.ts";
import { cardsOf } from "./claim.ts";
import { openMachine } from "./machine.ts";

/**
 * Lay an installed instance's boot files and DHCP entries again, as a deployment left them: after somebody edited them,
 * when its cards or its kernel's words changed, or when its records were enrolled again. The server is not touched.
 */
export async function layBoot(
  ctx: Context,
  parts: Parts,
  ref: Ref,
  spec: InstanceSpec,
  stored: StoredDeployment,
  image?: ImageSpec,
): Promise<void> {
  ctx.report({ stage: "laying boot files again" });
  await parts.network.open(ctx, await cardsOf(parts.store, stored.node, spec));
  const { machine, close } = await openMachine(ctx, parts, ref, spec, stored, image ?? stored.record.image);
  try {
    await machine.fetch(ctx);
    await machine.admit(ctx);
    const { rootUuid } = machine.record().written ?? {};
    // In one step: a server that starts meanwhile must not find the writer.
    await machine.boot.prepare(ctx, machine.bootFiles(), "boot", rootUuid ? { rootUuid } : {});
    const seen = await machine.boot.seen(ctx, ref.name, machine.node.macs);
    if (seen) await machine.update({ bootDigest: seen.digest });
  } finally {
    close();
  }
}

/** Of an image whose kernel has other words: its instances boot with them from now on. */
export const relayBoot =
  (parts: Parts) =>
  async (ctx: Context, image: string, spec: ImageSpec): Promise<void> => {
    if (kindOf(spec) !== "partition") return;
    for (const { ref, spec: instance } of await instancesUsing(parts, "image", image)) {
      const stored = await parts.store.deployment(ref.name);
      if (!stored?.record.done || !stored.record.written) continue;
      const { kernelArgs } = spec;
      const installed = { ...(stored.record.image ?? spec), kernelArgs };
      await parts.store.keepDeployment({ ...stored, record: { ...stored.record, image: installed } });
      // One in a rescue gets them on its way back.
      const { provisionState } = (await parts.store.get("nodes", stored.node))?.state ?? {};
      if (isRescue(provisionState)) continue;
      await layBoot(ctx, parts, ref, instance as InstanceSpec, stored, installed);
    }
  };
