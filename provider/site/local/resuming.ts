import { type Context, limited, until } from "../../kernel/context.ts";
import type { Site } from "../site.ts";
import { type Inspector, inspectAgain } from "./collections/inspecting.ts";
import { perform } from "./operations.ts";
import type { Parts } from "./parts.ts";
import type { StoredRequest } from "./store/requests.ts";

/** How long a host that was just started may take to have its provisioning network. */
const patience = "10 minutes";

/**
 * Ask again for what was cut off when the last helper ended: deployments, releases, visits, and those that waited for
 * their turn. A client that comes back with the same inputs attaches to them. Answers when all have begun, or cannot.
 */
export async function resumeJobs(
  ctx: Context,
  parts: Parts,
  site: Pick<Site, "instances">,
  inspector: Inspector,
): Promise<void> {
  const requests = await parts.store.requests();
  if (requests.length === 0) return;
  ctx.log.info("what was cut off is resumed", { jobs: requests.map(({ key }) => key).join(", ") });
  try {
    await limited(ctx, patience, "the provisioning network", (inner) =>
      until(inner, "5 seconds", () => opens(inner, parts)),
    );
  } catch (error) {
    if (ctx.signal.aborted) return;
    ctx.log.error("nothing is resumed: it goes on when it is asked for again", { reason: String(error) });
    return;
  }
  // One after another: those that wait for a turn wait in the order in which they were asked for.
  for (const one of requests) {
    let over = false;
    void again(ctx, parts, site, inspector, one).finally(() => {
      over = true;
    });
    await until(ctx, "10 ms", async () => over || parts.jobs.running().includes(one.key));
  }
}

async function opens(ctx: Context, { network }: Parts): Promise<boolean> {
  try {
    await network.open(ctx);
    return true;
  } catch (error) {
    ctx.signal.throwIfAborted();
    ctx.log.warn("what was cut off waits for the provisioning network", { reason: String(error) });
    return false;
  }
}

async function again(
  ctx: Context,
  parts: Parts,
  { instances }: Pick<Site, "instances">,
  inspector: Inspector,
  { key, request }: StoredRequest,
): Promise<void> {
  const { store, jobs } = parts;
  try {
    switch (request.verb) {
      case "ensure":
        await instances.ensure(ctx, request.ref, request.spec, request.known);
        break;
      case "remove":
        await instances.remove(ctx, request.ref, request.known);
        break;
      case "perform":
        await perform(ctx, parts, request.operation);
        break;
      case "inspect":
        await inspectAgain(ctx, parts, inspector, request.node);
        break;
      default:
        throw new TypeError(`no such request: ${request satisfies never}`);
    }
  } catch (error) {
    if (ctx.signal.aborted) return;
    ctx.log.warn("what was resumed failed", { job: key, reason: String(error) });
    // Refused before it began: the next who asks is told why. Another one's of that name has a request of its own.
    if (!jobs.running().includes(key)) await store.dropRequest(key);
  }
}
