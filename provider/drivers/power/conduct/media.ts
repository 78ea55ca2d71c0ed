import type { Context } from "../../../kernel/context.ts";
import { toMs } from "../../../kernel/units.ts";
import type { BootTarget, VirtualMedia } from "../driver.ts";
import { powerErrors } from "../errors.ts";
import { insist } from "./insist.ts";
import { checkIdentity } from "./recognise.ts";
import { once, type Server } from "./server.ts";

/** A controller's virtual media, handled with manners. */
export interface Media {
  /** Answers when the controller tells that the image is in, and nothing else. Asked twice does no harm. POWER_MEDIA. */
  readonly insert: (ctx: Context, url: string) => Promise<void>;
  /** Answers when it tells that nothing is in. POWER_MEDIA. */
  readonly eject: (ctx: Context) => Promise<void>;
  /** Start from it, the next time alone. */
  readonly bootOnce: (ctx: Context, firmware: BootTarget["firmware"]) => Promise<void>;
}

/** The media of a server whose controller has any. */
export function mediaOf(server: Server): Media | undefined {
  const { media } = server.driver;
  if (media === undefined) return undefined;
  const eject = async (ctx: Context) => {
    if ((await look(server, media, ctx)) === undefined) return;
    await insist(server.rules, ctx, () => once(server, ctx, "eject media", media.eject));
    await reach(server, media, ctx, { what: "take its virtual medium out" }, (seen) => seen === undefined);
  };
  return {
    async insert(ctx, url) {
      await checkIdentity(server, ctx);
      const isIn = (seen: string | undefined) => seen !== undefined && isOf(seen, url);
      if (isIn(await look(server, media, ctx))) return;
      // Some tell for a while of what was taken out, and take nothing in meanwhile (Dell: Ironic, redfish/boot.py).
      await eject(ctx);
      await insist(server.rules, ctx, () =>
        once(server, ctx, "insert media", (inner) => media.insert(inner, url)),
      );
      await reach(server, media, ctx, { what: "insert an image" }, isIn);
    },
    async eject(ctx) {
      await checkIdentity(server, ctx);
      await eject(ctx);
    },
    async bootOnce(ctx, firmware) {
      await checkIdentity(server, ctx);
      await insist(server.rules, ctx, () =>
        once(server, ctx, "set boot", (inner) => media.boot(inner, firmware)),
      );
    },
  };
}

const look = (server: Server, media: VirtualMedia, ctx: Context) =>
  insist(server.rules, ctx, () => once(server, ctx, "media", media.inserted));

/** Some tell the last part of an address alone. */
const isOf = (seen: string, url: string) => seen === url || new URL(url).pathname.endsWith(`/${seen}`);

async function reach(
  server: Server,
  media: VirtualMedia,
  ctx: Context,
  { what }: { readonly what: string },
  met: (seen: string | undefined) => boolean,
): Promise<void> {
  const { controller: address, rules } = server;
  const deadline = ctx.clock.now() + toMs(rules.limit);
  for (;;) {
    const seen = await look(server, media, ctx);
    if (met(seen)) return;
    if (ctx.clock.now() + toMs(rules.poll) > deadline) {
      // Not its address: who knows that may fetch it.
      const shown = seen === undefined ? "none" : "another image";
      throw powerErrors.make("POWER_MEDIA", { address, what, seen: shown, limit: rules.limit });
    }
    await ctx.clock.sleep(toMs(rules.poll), ctx.signal);
  }
}
