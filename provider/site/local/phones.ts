import type { Phoned } from "../../services/callback/phone-home-route.ts";
import { digestOfToken } from "../../services/callback/token.ts";
import type { Store } from "./store/index.ts";

/** The verdict on a system that phones home: a token that is awaited, once, from the system that it was written for. */
export function createPhones(store: Pick<Store, "phoneByDigest" | "keepHeard">): Phoned {
  return async (token, call, peer) => {
    const phone = await store.phoneByDigest(digestOfToken(token));
    // One answer for "never was", "is no more" and "was used": a guesser learns nothing.
    if (phone === undefined || phone.heard !== undefined) return { ok: false, reason: "unknown" };
    if (call.instanceId !== phone.deployment) {
      return { ok: false, reason: "this is another system: its instance id is not the one that was written" };
    }
    const first = await store.keepHeard(phone.deployment, { ...call, peer });
    return first ? { ok: true } : { ok: false, reason: "unknown" };
  };
}
