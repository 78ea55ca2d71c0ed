import type { Phoned } from "../../services/callback/phone-home-route.ts";
import { digestOfToken } from "../../services/callback/token.ts";
import type { Switchboard } from "./calls.ts";
import type { Store } from "./store/index.ts";

/** The verdict on a system that phones home: a token that is awaited, once, from the system that it was written for. */
export function createPhones(
  store: Pick<Store, "phoneByDigest" | "keepHeard">,
  { saw }: Pick<Switchboard, "saw">,
): Phoned {
  return async (token, heard, peer) => {
    const phone = await store.phoneByDigest(digestOfToken(token));
    // One answer for "never was", "is no more" and "was used": a guesser learns nothing.
    if (phone === undefined || phone.heard !== undefined) return unknown;
    const { deployment } = phone;
    const refuse = (reason: string) => {
      saw({ deployment }, { kind: "phone-home refused", reason });
      return { ok: false, reason } as const;
    };
    if (!heard.ok) return refuse(heard.reason);
    if (heard.call.instanceId !== deployment) {
      return refuse("this is another system: its instance id is not the one that was written");
    }
    return (await store.keepHeard(deployment, { ...heard.call, peer })) ? { ok: true } : unknown;
  };
}

const unknown = { ok: false, reason: "unknown" } as const;
