import type { Context } from "../../../kernel/context.ts";
import { type MetalError, refused } from "../../../kernel/errors.ts";
import { linkFault, readLinks } from "./link.ts";
import type { Range } from "./range.ts";
import type { OneOptions } from "./serving.ts";

/** What would keep a network from being served, all of it, looked at without starting anything that stays. */
export async function problemsOf(
  ctx: Context,
  { settings, network }: Pick<OneOptions, "settings" | "network">,
  known: (ctx: Context) => Promise<Range>,
): Promise<readonly MetalError[]> {
  const port = async () => {
    const { startCallback } = await import("../../../services/callback/server.ts");
    const accept = async () => ({ ok: false, reason: "not yet" }) as const;
    const host = (await known(ctx)).address;
    await (await startCallback(ctx, { host, port: settings.callbackPort, accept })).close();
  };
  const bootPort = async () => {
    const { startBootHttp } = await import("../../../services/boot-http/server.ts");
    const host = (await known(ctx)).address;
    await (await startBootHttp(ctx, { host, port: settings.bootPort, root: "/nowhere" })).close();
  };
  const privilege = async () => {
    const { requireServe } = await import("../../../services/dnsmasq/privilege.ts");
    await requireServe(ctx);
  };
  const fault = await linkFault(ctx, network, await readLinks(ctx));
  // Without its interface no port of it can be had: one word for one fault.
  const ports = fault ? [] : [port, ...(settings.bootTransport === "http" ? [bootPort] : [])];
  const looks = [...ports, ...(network.dhcp === "external" ? [] : [privilege])];
  const found = await Promise.all(looks.map((look) => refused(look())));
  return [...(fault ? [fault] : []), ...found.flat()];
}
