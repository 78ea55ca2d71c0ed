import type { Context, Progress } from "../kernel/context.ts";
import { type ErrorRecord, wordsOf } from "../kernel/errors.ts";
import type { Duration } from "../kernel/units.ts";
import type { ResourcePlan } from "../resources/plan.ts";
import type { Failure } from "../resources/reasons.ts";
import type { CollectionName } from "../resources/resource.ts";
import type { ConsoleLine } from "../services/console/line.ts";
import type { DhcpMode } from "../services/dnsmasq/mode.ts";
import type { Uploads } from "../services/images/uploads.ts";
import type { Bearer } from "./access.ts";

/** Who declared a thing, and its name, which is unique in the site. */
export interface Ref {
  /** `organisation/project/stack`. */
  readonly owner: string;
  readonly name: string;
}

/** Inputs after validation: plain JSON, as a resource's schema shapes it. */
export type Spec = Readonly<Record<string, unknown>>;
/** Inputs and outputs together, as Pulumi's state keeps them: plain JSON. */
export type State = Readonly<Record<string, unknown>>;

/** What `ensure` would do, from records alone. */
export interface Plan extends ResourcePlan {
  /** What stands in the way: refusals, each with the property it concerns. */
  readonly failures: readonly Failure[];
  /** Values computed from the world, to be returned as inputs: an image's digest. */
  readonly computed: Spec;
  /** Worth knowing before agreeing. */
  readonly warnings: readonly string[];
  /** What a preview says of it on the resource's row. */
  readonly says: readonly string[];
  /** The caller knows it and this site has no record: `ensure` enrols it again. */
  readonly lost?: boolean;
}
export type { Failure };

/** What a caller knows beside the ref: Pulumi's remembered state, and the run it belongs to. */
export interface Known {
  readonly state?: State;
  /** Identifies one provider process; duplicates are looked for within it. */
  readonly run?: string;
  /** The program's folder on this host: relative paths in a spec start there. */
  readonly folder?: string;
  /** Files of the program's host that a client of another host has brought, or will have before it asks for more than a plan. */
  readonly files?: readonly BroughtFile[];
  /** True while Pulumi only previews. */
  readonly dryRun?: boolean;
  /** Pulumi's own `protect`, as the resource's options have it. */
  readonly protect?: boolean;
  /** Places whose values only the update will know: `power.address`. */
  readonly unknown?: readonly string[];
}

export interface BroughtFile {
  /** In the words of the program. */
  readonly location: string;
  readonly digest: string;
  /** Absolute, on the program's host: for people. */
  readonly path: string;
}

/** One kind of thing. All that Pulumi asks is one of these. */
export interface Collection {
  /** From records, no hardware touched. */
  readonly plan: (ctx: Context, ref: Ref, spec: Spec, known?: Known) => Promise<Plan>;
  /** Make it so; asked twice does no harm; resumes what was cut off. */
  readonly ensure: (ctx: Context, ref: Ref, spec: Spec, known?: Known) => Promise<State>;
  /** What is really there, asked of the hardware. undefined only after a recorded remove. */
  readonly observe: (ctx: Context, ref: Ref, known?: Known) => Promise<State | undefined>;
  /** Gone already is success. */
  readonly remove: (ctx: Context, ref: Ref, known?: Known) => Promise<void>;
  readonly list: (ctx: Context) => Promise<readonly State[]>;
}

/** Which run of Pulumi asks, of which stack. */
export interface Asker {
  readonly owner: string;
  readonly run: string;
  readonly dryRun: boolean;
}

/** A plan that a client may give out where it is asked for this very thing. */
export interface AheadPlan {
  readonly key: string;
  readonly digest: string;
  readonly plan: Plan;
}

/** What a stack is likely to ask for, answered at once: over a slow line that is one way there and back in the place of hundreds. */
export interface Ahead {
  /** The plans of all that this stack asked for last, as they are now. */
  readonly look: (ctx: Context, asker: Asker) => Promise<readonly AheadPlan[]>;
  /** These were given out, in this order: the run is to know of them as if it had asked. */
  readonly used: (ctx: Context, asker: Asker, keys: readonly string[]) => Promise<void>;
}

/** What is not a declaration. */
export type Operation =
  /** Free a node that was set aside, and try its credentials again. */
  | { readonly kind: "reset"; readonly node: string }
  /** Begin (with a reason) or end (without) a maintenance that no program ends. */
  | { readonly kind: "maintenance"; readonly node: string; readonly reason?: string }
  /** A server that is switched by hand was switched as somebody was asked to, or is as they say. `of`: whose it has to be. */
  | {
      readonly kind: "confirm";
      readonly node: string;
      readonly state?: "on" | "off";
      readonly of?: string;
    }
  /** Go the way of a deployment up to the point where it would write. */
  | { readonly kind: "rehearse"; readonly node: string }
  /** Boot an installed server into a ramdisk with an SSH server, which knows this public key. */
  | { readonly kind: "rescue"; readonly node: string; readonly key: string; readonly powerOff?: boolean }
  /** Boot its system again. */
  | { readonly kind: "unrescue"; readonly node: string }
  /** Cards that nobody declared and that asked to boot; after having served DHCP for so long, to hear of them. */
  | { readonly kind: "discovered"; readonly listen?: Duration }
  /** Forget such a card: it may be discovered again. */
  | { readonly kind: "forget discovered"; readonly mac: string }
  | { readonly kind: "abort"; readonly instance: string }
  /** Begin with no server from now on, or again (`end`); what has begun goes on. Answers what that is. */
  | { readonly kind: "drain"; readonly end?: boolean }
  /** Nobody waits for this deployment any more: it goes on or ends, as its `onDetach` says. Answers at once. */
  | { readonly kind: "detach"; readonly owner: string; readonly instance: string }
  /** Hand everything of one owner to another: a stack that was renamed. */
  | { readonly kind: "move owner"; readonly from: string; readonly to: string }
  /** Remove from the cache what no Image of the site needs. */
  | { readonly kind: "prune images"; readonly dryRun?: boolean }
  /** What lies in the image cache. */
  | { readonly kind: "cached images" }
  /** A copy of the store and its key, consistent, into a folder of this host. */
  | { readonly kind: "backup"; readonly folder: string }
  /** Who may ask this site from elsewhere, and for what; added, the token itself is told, only then. */
  | { readonly kind: "tokens" }
  | ({ readonly kind: "add token"; readonly expiresAfter?: Duration } & Omit<Bearer, "expires">)
  | { readonly kind: "remove token"; readonly name: string };

export type Site = Readonly<Record<CollectionName, Collection>> & {
  /** Who this site is: its id, and the version of what answers. */
  readonly about: (ctx: Context) => Promise<About>;
  /** Plans for clients of other hosts, all at once. */
  readonly ahead: Ahead;
  /** Files that clients of other hosts bring here. */
  readonly uploads: Uploads;
  /** Answers what there is to tell of it: plain JSON. */
  readonly perform: (ctx: Context, operation: Operation) => Promise<State>;
  /** Progress of the job on a resource, from now on; ends when the job does. */
  readonly watch: (ctx: Context, collection: CollectionName, name: string) => AsyncIterable<Progress>;
  /** What was heard of a server: the log of an instance, or of a node that is looked at. */
  readonly console: (
    ctx: Context,
    collection: CollectionName,
    name: string,
    request?: ConsoleRequest,
  ) => AsyncIterable<ConsoleLine>;
};
export interface ConsoleRequest {
  /** How many of the last lines; default 1000. */
  readonly lines?: number | undefined;
  /** Only what comes behind the line of this number. */
  readonly after?: number | undefined;
  /** Go on with what comes until the job on it ends. */
  readonly follow?: boolean | undefined;
}
/** A provisioning network of a site, as it is now. */
export interface NetworkState {
  readonly name: string;
  readonly interface?: string;
  readonly dhcp: DhcpMode;
  /** `idle`: well, and not needed yet. */
  readonly state: "idle" | "served" | "down";
  /** ISO 8601. */
  readonly since: string;
  /** Why it is down. */
  readonly failure?: ErrorRecord;
}
export interface About {
  readonly siteId: string;
  readonly version: string;
  readonly pid: number;
  /** The number of the language it speaks (`wire.ts`). */
  readonly wire?: number;
  /** Digest of the settings it works with. */
  readonly settings: string;
  /** Jobs under way, as `instances/web-1`. */
  readonly jobs: readonly string[];
  /** What each of them told last. */
  readonly progress?: Readonly<Record<string, Progress>>;
  readonly networks?: readonly NetworkState[];
  /** It begins with no server any more. */
  readonly draining?: boolean;
  /** It runs as a service: its settings are its own, and it stays. */
  readonly service?: boolean;
}

/** An ensure that failed after something was begun: what there is, so that Pulumi keeps it and `destroy` can release it. */
export class PartlyDone extends Error {
  override readonly name = "PartlyDone";
  readonly state: State;
  readonly record: ErrorRecord;

  constructor(record: ErrorRecord, state: State, options?: ErrorOptions) {
    super(wordsOf(record), options);
    this.record = record;
    this.state = state;
  }
}
