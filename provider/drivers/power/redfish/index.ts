import type { Context } from "../../../kernel/context.ts";
import { hasCode } from "../../../kernel/errors.ts";
import { definePower, type PowerDriver } from "../driver.ts";
import { powerErrors } from "../errors.ts";
import { askerOf } from "./ask.ts";
import { eject, insert, insertedIn } from "./media.ts";
import { chooseBoot, chosenBoot } from "./override.ts";
import { resetFor } from "./reset.ts";
import { serviceOf } from "./service.ts";
import { placeOf, Redfish } from "./settings.ts";
import { findSystem, identityOf, powerStateOf, resetAction } from "./system.ts";

/** A server's controller that speaks Redfish: a session for as long as it is used, its system found once. */
export const redfish = definePower<typeof Redfish>({
  schema: Redfish,
  controller: ({ address }) => placeOf(address).name,
  // A chassis has one controller for many systems, and answers one request after another all the same.
  switches: ({ system }) => (system === undefined ? [] : [system]),
  open(settings, lent) {
    const { name } = placeOf(settings.address);
    const service = serviceOf({ address: name, user: settings.user }, askerOf(settings, lent));
    const system = (ctx: Context) => findSystem(ctx, service, settings.system, lent.memory);
    const state = async (ctx: Context) => powerStateOf(service, await system(ctx));

    async function reset(ctx: Context, to: "on" | "off" | "soft off"): Promise<void> {
      const found = await system(ctx);
      const wanted = to === "on" ? "on" : "off";
      if (powerStateOf(service, found) === wanted) return;
      const { target, allowed } = await resetAction(ctx, service, found);
      const type = resetFor(to, allowed);
      if (type === undefined) {
        throw powerErrors.make("POWER_CANNOT", { address: name, what: `switch ${to}: it takes ${allowed}` });
      }
      try {
        await service.act(ctx, target, { ResetType: type }, `to reset by ${type}`);
      } catch (error) {
        // Some refuse what is so already, each in its own words.
        if (!hasCode(error, "POWER_ODD_REPLY", "POWER_BUSY") || (await state(ctx)) !== wanted) throw error;
      }
    }

    return {
      state,
      set: reset,
      softOff: (ctx) => reset(ctx, "soft off"),
      setBoot: async (ctx, target) => chooseBoot(ctx, service, await system(ctx), target),
      boot: async (ctx) => chosenBoot(ctx, service, await system(ctx)),
      media: {
        inserted: async (ctx) => insertedIn(ctx, service, await system(ctx)),
        insert: async (ctx, url) => insert(ctx, service, await system(ctx), url),
        eject: async (ctx) => eject(ctx, service, await system(ctx)),
        boot: async (ctx, firmware) =>
          chooseBoot(ctx, service, await system(ctx), { device: "cd", persistent: false, firmware }),
      },
      identity: async (ctx) => identityOf(ctx, service, await system(ctx)),
    } satisfies PowerDriver;
  },
});
