import { z } from "zod";
import type { ErrorRecord } from "../kernel/errors.ts";
import { type ConsoleLine, speakers } from "../services/console/line.ts";
import { dhcpModes } from "../services/dnsmasq/mode.ts";
import type { About, NetworkState as NetworkOf } from "../site/site.ts";

/** What the API answers, for its OpenAPI document. The types themselves are the site's; `satisfies` holds the two together. */

type Same<T> = z.ZodType<T>;

const Failure = z
  .object({
    code: z.string().meta({ description: "One of docs/reference/errors.md." }),
    text: z.string().meta({ description: "What happened, to which machine." }),
    remedy: z.string().meta({ description: "What can be done about it." }),
    fault: z
      .enum(["input", "node", "controller", "image", "host", "site"])
      .meta({ description: "Whose fault it is." }),
    retry: z.boolean().meta({
      description: "Whether the same request may succeed a moment later without anybody acting.",
    }),
    said: z.array(z.string()).exactOptional().meta({ description: "What the server's console said last." }),
  })
  .meta({ id: "Failure", description: "A failure of the catalogue." }) satisfies Same<ErrorRecord>;

export const Refused = z
  .object({ failure: Failure })
  .meta({ id: "Refused", description: "The request was not taken." });

const plain = z.record(z.string(), z.unknown());

export const State = plain.meta({
  id: "State",
  description: "Inputs and outputs of one resource (docs/reference), or what an operation tells.",
});

const Progress = z
  .object({
    stage: z.string(),
    percent: z.number().exactOptional(),
    rate: z.number().exactOptional().meta({ description: "Bytes per second." }),
    left: z.number().exactOptional().meta({ description: "Seconds." }),
    note: z.string().exactOptional(),
    kept: z.literal(true).exactOptional().meta({ description: "Worth reading afterwards too." }),
  })
  .meta({ id: "Progress", description: "What a person is shown while something takes long." });

const Heard = z
  .object({
    n: z.int().meta({ description: "Counts the lines of one log from 1." }),
    at: z.string().meta({ description: "ISO 8601." }),
    from: z.enum(speakers).meta({ description: "Who said it." }),
    text: z.string(),
  })
  .meta({ id: "ConsoleLine", description: "A line of a console log." }) satisfies Same<ConsoleLine>;

/** Each line of an answer; the last one is the outcome. */
export const LineOf = (result: z.ZodType) =>
  z.union([
    z.object({ progress: Progress }),
    z.object({ warning: z.string() }),
    z.object({ heard: Heard }),
    z.object({ result }),
    z.object({ error: Failure, state: State.optional() }),
  ]);

export const Plan = z
  .object({
    effect: z.string(),
    changed: z.array(z.string()),
    replaces: z.array(z.string()),
    failures: z.array(z.object({ property: z.string(), reason: z.string() })),
    computed: plain,
    warnings: z.array(z.string()),
    says: z.array(z.string()),
  })
  .loose()
  .meta({ id: "Plan", description: "What `ensure` would do, and what stands in its way." });

const NetworkState = z
  .object({
    name: z.string(),
    interface: z.string().exactOptional(),
    dhcp: z.enum(dhcpModes),
    state: z.enum(["idle", "served", "down"]).meta({ description: "`idle`: well, and not needed yet." }),
    since: z.string().meta({ description: "ISO 8601." }),
    failure: Failure.exactOptional().meta({ description: "Why it is down." }),
  })
  .meta({
    id: "NetworkState",
    description: "A provisioning network, as it is now.",
  }) satisfies Same<NetworkOf>;

export const AboutAnswer = z
  .object({
    siteId: z.string(),
    version: z.string(),
    wire: z.int().exactOptional().meta({ description: "The number of the language it speaks." }),
    pid: z.int(),
    settings: z.string().meta({ description: "Digest of the settings it works with." }),
    jobs: z.array(z.string()).meta({ description: "Jobs under way, as `instances/web-1`." }),
    progress: z
      .record(z.string(), Progress)
      .exactOptional()
      .meta({ description: "What each of them told last." }),
    networks: z.array(NetworkState).readonly().exactOptional(),
    service: z.boolean().exactOptional().meta({ description: "It runs as a service." }),
  })
  .meta({ id: "About", description: "Who this site is." }) satisfies Same<About>;

export const Well = z.object({ status: z.literal("ok") });
