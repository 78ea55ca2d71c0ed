import type { Context } from "../../../kernel/context.ts";
import type { ControllerIdentity } from "../driver.ts";
import { powerErrors } from "../errors.ts";
import { compareIdentity } from "../identity.ts";
import { insist } from "./insist.ts";
import { once, type Server } from "./server.ts";

/** What a controller tells of its machine; empty where it has nothing to tell. */
export async function identityOf(server: Server, ctx: Context): Promise<ControllerIdentity> {
  const { driver } = server;
  if (!driver.identity) return {};
  const read = driver.identity;
  return await insist(server.rules, ctx, () => once(server, ctx, "identity", read));
}

/** Refuse to touch another machine than the expected one. POWER_OTHER_MACHINE. */
export async function checkIdentity(server: Server, ctx: Context): Promise<void> {
  if (server.expected !== undefined) recognise(server, ctx, await identityOf(server, ctx));
}

/** Whether what was seen is the expected machine, as far as can be told. POWER_OTHER_MACHINE. */
export function recognise(
  { expected = {}, controller }: Server,
  ctx: Context,
  seen: ControllerIdentity,
): void {
  const verdict = compareIdentity(expected, seen);
  if (verdict === "unknown" && Object.keys(expected).length > 0) {
    ctx.log.warn("the controller tells nothing by which its machine could be recognised", { controller });
  }
  if (typeof verdict === "string") return;
  throw powerErrors.make("POWER_OTHER_MACHINE", { address: controller, ...verdict });
}
