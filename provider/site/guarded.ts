import type { Context } from "../kernel/context.ts";
import { resources } from "../resources/index.ts";
import type { CollectionName } from "../resources/resource.ts";
import { mapSecrets, secretPaths } from "../resources/secrets.ts";
import type { Upload } from "../services/images/uploads.ts";
import { anyOwner, type Bearer, includes, owns, type Scope } from "./access.ts";
import { siteErrors } from "./errors.ts";
import type { Collection, Operation, Site, State } from "./site.ts";

/** A site as the bearer of a token may use it. What it may not is refused before the site hears of it. */
export function guardedSite(site: Site, bearer: Bearer): Site {
  const need = (needed: Scope, what: string) => {
    const { name, scope } = bearer;
    if (!includes(scope, needed)) throw siteErrors.make("TOKEN_SCOPE", { name, scope, needed, what });
  };
  const own = (owner: string) => owns(bearer.owner, owner);
  const needOwn = (owner: string, what: string) => {
    if (!own(owner)) throw siteErrors.make("TOKEN_OWNER", { name: bearer.name, pattern: bearer.owner, what });
  };
  const listOwn = async (ctx: Context, name: CollectionName) =>
    (await site[name].list(ctx)).filter(({ owner }) => own(String(owner)));

  const all = bearer.scope === "deploy" || bearer.scope === "admin";
  const needOwnName = async (ctx: Context, collection: CollectionName, name: string) => {
    const own = await keys(collection, listOwn(ctx, collection));
    if (bearer.owner !== anyOwner && !own.includes(`${collection}/${name}`)) {
      needOwn("", `${resources[collection].kind} ${name}`);
    }
  };

  const guarded = (name: CollectionName): Collection => {
    const { kind } = resources[name];
    const inner = site[name];
    return {
      async plan(ctx, ref, spec, known) {
        needOwn(ref.owner, `${kind} ${ref.name} of ${ref.owner}`);
        return inner.plan(ctx, ref, spec, known);
      },
      async ensure(ctx, ref, spec, known) {
        const what = `${kind} ${ref.name}`;
        needOwn(ref.owner, `${what} of ${ref.owner}`);
        if (!all) {
          need(name === "instances" ? "power" : "deploy", `to change ${what}`);
          // As a preview, which the update is then held against.
          const { effect } = await inner.plan(ctx, ref, spec, { ...known, dryRun: true });
          if (effect !== "none" && effect !== "power") need("deploy", `to change ${what} (${effect})`);
        }
        return inner.ensure(ctx, ref, spec, known);
      },
      async observe(ctx, ref, known) {
        needOwn(ref.owner, `${kind} ${ref.name} of ${ref.owner}`);
        const seen = await inner.observe(ctx, ref, known);
        return seen === undefined || all ? seen : withSecretsOf(name, seen, known?.state);
      },
      async remove(ctx, ref, known) {
        needOwn(ref.owner, `${kind} ${ref.name} of ${ref.owner}`);
        need("deploy", `to remove ${kind} ${ref.name}`);
        return inner.remove(ctx, ref, known);
      },
      list: (ctx) => listOwn(ctx, name),
    };
  };

  /** Whose things an operation touches: the node's, and those of the instance on it. */
  async function needOwnTargets(ctx: Context, operation: Operation): Promise<void> {
    if (operation.kind === "move owner") {
      for (const owner of [operation.from, operation.to]) needOwn(owner, owner);
    }
    if (operation.kind === "detach") needOwn(operation.owner, operation.owner);
    const instances = await site.instances.list(ctx);
    const touched = [
      ...("node" in operation
        ? [
            ...(await site.nodes.list(ctx)).filter(({ name }) => name === operation.node),
            ...instances.filter(({ assignedNode }) => assignedNode === operation.node),
          ]
        : []),
      ...("instance" in operation ? instances.filter(({ name }) => name === operation.instance) : []),
    ];
    for (const { name, owner } of touched) needOwn(String(owner), `${name} of ${owner}`);
  }

  const mayUpload = ({ owner, path }: Upload) => {
    needOwn(owner, `${path} for ${owner}`);
    need("deploy", `to upload ${path}`);
  };
  const names = Object.keys(resources) as CollectionName[];
  return {
    ...(Object.fromEntries(names.map((name) => [name, guarded(name)])) as Record<CollectionName, Collection>),
    async about(ctx) {
      const about = await site.about(ctx);
      if (bearer.owner === anyOwner || about.jobs.length === 0) return about;
      const own = (await Promise.all(names.map((name) => keys(name, listOwn(ctx, name))))).flat();
      const progress = Object.entries(about.progress ?? {}).filter(([job]) => own.includes(job));
      return {
        ...about,
        jobs: about.jobs.filter((job) => own.includes(job)),
        progress: Object.fromEntries(progress),
      };
    },
    ahead: {
      // They tell what a declaration with its secrets was: only who may have those is told.
      async look(ctx, asker) {
        needOwn(asker.owner, `plans of ${asker.owner}`);
        return all ? site.ahead.look(ctx, asker) : [];
      },
      async used(ctx, asker, keys) {
        needOwn(asker.owner, `plans of ${asker.owner}`);
        if (all) await site.ahead.used(ctx, asker, keys);
      },
    },
    uploads: {
      async look(ctx, upload) {
        mayUpload(upload);
        return site.uploads.look(ctx, upload);
      },
      async add(ctx, upload, ...piece) {
        mayUpload(upload);
        return site.uploads.add(ctx, upload, ...piece);
      },
    },
    async perform(ctx, operation) {
      need(scopeOf(operation), `for \`${operation.kind}\``);
      if (bearer.owner !== anyOwner) await needOwnTargets(ctx, operation);
      // A node that is just being enrolled is not among those that are listed.
      return site.perform(ctx, operation.kind === "confirm" ? { ...operation, of: bearer.owner } : operation);
    },
    async *watch(ctx, collection, name) {
      await needOwnName(ctx, collection, name);
      yield* site.watch(ctx, collection, name);
    },
    async *console(ctx, collection, name, request) {
      await needOwnName(ctx, collection, name);
      yield* site.console(ctx, collection, name, request);
    },
  };
}

const keys = async (collection: CollectionName, list: Promise<readonly State[]>) =>
  (await list).map(({ name }) => `${collection}/${name}`);

/** Who may not deploy is told no secret: those that it has shown come back to it, so that a refresh keeps them. */
function withSecretsOf(name: CollectionName, seen: State, told: State | undefined): State {
  return mapSecrets(seen, secretPaths(resources[name]), (_, path) => textAt(told, path) ?? "[secret]");
}

function textAt(value: unknown, path: readonly string[]): string | undefined {
  const found = path.reduce<unknown>(
    (inner, key) =>
      typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>)[key] : undefined,
    value,
  );
  return typeof found === "string" ? found : undefined;
}

/** The least scope that may ask for an operation. What concerns the whole site, or shows others' things, is an admin's. */
function scopeOf(operation: Operation): Scope {
  switch (operation.kind) {
    case "discovered":
      return operation.listen === undefined ? "read" : "deploy";
    case "reset":
    case "maintenance":
    case "confirm":
    case "rehearse":
      return "power";
    case "rescue":
    case "unrescue":
    case "abort":
    case "detach":
    case "move owner":
    case "forget discovered":
      return "deploy";
    case "drain":
    case "cached images":
    case "prune images":
    case "backup":
    case "tokens":
    case "add token":
    case "remove token":
      return "admin";
    default:
      throw new TypeError(`no such operation: ${operation satisfies never}`);
  }
}
