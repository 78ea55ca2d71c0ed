import { createHash } from "node:crypto";
import type { Lent } from "../driver.ts";
import { guardLogin } from "../login.ts";
import { trustOf } from "../tls.ts";
import type { serviceOf } from "./service.ts";
import { placeOf, type Redfish } from "./settings.ts";

/** How long a session is kept that nobody uses: controllers have few (an iDRAC eight), and their owner wants one, too. */
const idle = "30 seconds";

/** Every request goes through the session that is kept open, which is opened by the first of them. */
export function askerOf(settings: Redfish, { kept, memory }: Lent): Parameters<typeof serviceOf>[1] {
  const { user, password } = settings;
  const guard = guardLogin(memory, [user, password]);
  const trusted = trustOf(settings);
  // Other settings are not to be believed because of a login by the ones before.
  const how = JSON.stringify([user, password, settings.auth, trusted]);
  const key = `redfish ${createHash("sha256").update(how).digest("hex")}`;
  return async (ctx, asked) => {
    const { openHttp } = await import("./http.ts");
    const { openSession } = await import("./session.ts");
    const { name, host, port } = placeOf(settings.address);
    const session = await kept.use(ctx, key, {
      idle,
      async open(inner) {
        const http = openHttp(name, { host, port, ...trusted });
        try {
          return await openSession(inner, http, settings, { memory, guard });
        } catch (error) {
          http.close();
          throw error;
        }
      },
      close: ({ close }) => close(),
    });
    try {
      return await session.ask(ctx, asked);
    } catch (error) {
      // Whatever it was, the next one begins anew: a connection that hangs, a login that is no good.
      const dropped = kept.drop(key);
      if (!ctx.signal.aborted) await dropped;
      throw error;
    }
  };
}
