import { request as httpsRequest } from "node:https";
import { type Context, LimitReached, within } from "../../kernel/context.ts";
import { MetalError } from "../../kernel/errors.ts";
import { shared } from "../../kernel/shared.ts";
import { toMs } from "../../kernel/units.ts";
import { endWith } from "../../services/https/exchange.ts";
import { type Answer, asSent, headOf, type Transport } from "../transport.ts";
import type { HttpsAddress } from "./address.ts";
import { agentFor } from "./agent.ts";
import { httpsErrors } from "./errors.ts";

/** How long a service that was there is waited for: its host starts anew in that time, or is given a new version. */
const patience = "10 minutes";
const pause = "2 seconds";
/** A service that goes away so often is not asked what makes it go once more. */
const mostLosses = 20;

/** A service on another host. What was cut off is asked again once it is there: its jobs go on, or are taken up again. */
export function overHttps(address: HttpsAddress): Transport {
  const agent = agentFor(address);
  const headers = address.token === undefined ? {} : { authorization: `Bearer ${address.token}` };
  let losses = 0;
  const send = (ctx: Context, path: string, body?: object): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const request = httpsRequest({
        ...{ agent, path, host: address.host, port: address.port },
        method: body ? "POST" : "GET",
        headers: { ...headers, ...headOf(body) },
      });
      request.on("response", (response) => {
        // Whoever reads hears of a lost connection; one that is lost after the answer is nobody's, and no crash.
        response.on("error", () => {});
        resolve({ status: response.statusCode ?? 0, body: response });
      });
      request.on("error", reject);
      endWith(ctx, request, reject);
      request.end(asSent(body));
    });
  const well = async (ctx: Context) => {
    const { status, body } = await send(ctx, "/healthz");
    body.resume();
    return status === 200;
  };
  const again = shared(async (ctx) => {
    losses += 1;
    if (losses > mostLosses) return false;
    ctx.report({ stage: `waiting for the service at ${address.shown}`, note: "the work there goes on" });
    await retried(ctx, address, well);
    return true;
  });
  return { elsewhere: true, send, regain: again };
}

async function retried(
  ctx: Context,
  { shown: address }: HttpsAddress,
  well: (ctx: Context) => Promise<boolean>,
): Promise<void> {
  let reason = "it is not well";
  try {
    await within(ctx, patience, async (inner) => {
      for (;;) {
        await inner.clock.sleep(toMs(pause), inner.signal);
        try {
          if (await well(inner)) return;
        } catch (error) {
          if (error instanceof MetalError && !error.retry) throw error;
          reason = error instanceof MetalError ? error.record.text : (error as Error).message;
        }
      }
    });
  } catch (error) {
    if (!(error instanceof LimitReached)) throw error;
    throw httpsErrors.make("SERVICE_LOST", { address, limit: patience, reason });
  }
}
