import { createHash } from "node:crypto";
import type { Context } from "../../../../kernel/context.ts";
import { planErrors } from "../../../../resources/errors.ts";
import type { InstanceSpec } from "../../../../resources/index.ts";
import type { Collection, Ref, State } from "../../../site.ts";
import { askedJob } from "../../asked.ts";
import { collectionOf, type Found } from "../../collection.ts";
import { refuseWhileDrained } from "../../draining.ts";
import type { Parts } from "../../parts.ts";
import { countErase } from "../../runs.ts";
import type { JobRequest } from "../../store/requests.ts";
import { adjust } from "./adjusting.ts";
import { refuseRescued } from "./claim.ts";
import { deployInTurn } from "./deploying.ts";
import { observeInstance } from "./observing.ts";
import { failureProperty, planInstance, planUnderLock } from "./planning.ts";
import { erasesOnDelete, releaseInstance } from "./release.ts";
import { refuseReplacement } from "./replacing.ts";
import { restoreAdopted } from "./restoring.ts";
import { adoptInstance, enrolInstance } from "./taking.ts";
import { limitOf } from "./warnings.ts";

/** Operating systems on servers. What takes long is a job: the caller may go away, the work goes on. */
export function instances(parts: Parts): Collection {
  const { jobs } = parts;
  const job = (
    ctx: Context,
    what: object,
    request: Extract<JobRequest, { ref: Ref }>,
    body: (ctx: Context) => Promise<State>,
  ) => askedJob(ctx, parts, { key: `instances/${request.ref.name}`, digest: digestOf(what), request }, body);

  return collectionOf<InstanceSpec>("instances", parts, {
    property: failureProperty,
    plansUnknown: true,
    plan: (ctx, ref, spec, found) => planInstance(ctx, parts, ref, spec, found),
    ensure(ctx, ref, spec, found) {
      const request = {
        verb: "ensure",
        ref,
        spec: { ...spec, ...found.hidden },
        known: found.known,
      } as const;
      return job(ctx, { ensure: spec }, request, (inner) => perform(inner, parts, ref, spec, found));
    },
    observe: (ctx, record) =>
      jobs.running().includes(`instances/${record.ref.name}`)
        ? Promise.resolve({})
        : observeInstance(ctx, parts, record),
    async remove(ctx, record, known) {
      // Before anything is aborted: what is locked goes on.
      if ((record.spec as InstanceSpec).locked) {
        throw planErrors.make("INSTANCE_LOCKED", { instance: record.ref.name, what: "delete it" });
      }
      await refuseRescued(parts.store, record.ref.name);
      await refuseReplacement(parts, record, known);
      // Counted among what the run erases; asked again, and for a replacement that was counted, it counts once.
      if (await erasesOnDelete(parts, record)) {
        if (!jobs.running().includes(`instances/${record.ref.name}`))
          refuseWhileDrained(parts, record.ref.name);
        countErase(parts.runs.of(known.run), record.ref.name, await limitOf(parts));
      }
      await jobs.abort(`instances/${record.ref.name}`, new Error("deleted"));
      const request = { verb: "remove", ref: record.ref, known } as const;
      await job(ctx, { remove: true }, request, async (inner) => {
        await releaseInstance(inner, parts, record);
        return {};
      });
    },
  });
}

/** Do what the plan says, as it is computed under the job's lock: the effect that is announced is the work that is chosen. */
async function perform(
  ctx: Context,
  parts: Parts,
  ref: Ref,
  spec: InstanceSpec,
  found: Found,
): Promise<State> {
  await refuseRescued(parts.store, ref.name);
  const plan = await planUnderLock(parts, ref, spec, found);
  const run = parts.runs.of(found.known.run);
  const { effect } = plan;
  switch (effect) {
    case "adopt":
      return adoptInstance(ctx, parts, ref, spec);
    case "enrol":
      return enrolInstance(ctx, parts, ref, spec, found.known.state ?? {});
    case "restore":
      return (
        (await restoreAdopted(ctx, parts, ref, spec)) ?? deployInTurn(ctx, parts, ref, spec, { effect, run })
      );
    case "install":
    case "reinstall":
      return deployInTurn(ctx, parts, ref, spec, { effect, run });
    case "power":
      return adjust(ctx, parts, ref, spec, { plan, found });
    case "none":
    case "in-place":
      // A written server that has not answered yet is waited for, and never written again.
      return found.record?.state["provisionState"] === "active"
        ? adjust(ctx, parts, ref, spec, { plan, found })
        : deployInTurn(ctx, parts, ref, spec, { effect: "install", run });
    case "replace":
    case "refused":
      throw planErrors.make("INSTANCE_EXISTS", {
        instance: ref.name,
        node: "its server",
        why: "the program",
      });
    default:
      throw new TypeError(`no such effect: ${effect satisfies never}`);
  }
}

const digestOf = (what: object) => createHash("sha256").update(JSON.stringify(what)).digest("hex");
