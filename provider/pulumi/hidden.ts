/**
 * What the SDK passes beside the inputs that a program wrote. They begin with two underscores; a schema knows none of
 * them and a diff ignores them.
 */
export interface Hidden {
  /** `organisation/project/stack`. */
  readonly __owner?: string;
  /** For live status on the resource's own row. */
  readonly __urn?: string;
  /** Pulumi's own resource option `protect`. */
  readonly __protected?: boolean;
  /** Default of the name. */
  readonly __logicalName?: string;
  /** Put there by check, not by the SDK: the site has lost its record, which is reason enough for an update. */
  readonly __lost?: boolean;
}

/** The inputs of a program apart from what the SDK added. `__dryRun` is told on its own: it must not reach the state. */
export function splitHidden(properties: Readonly<Record<string, unknown>>): {
  readonly visible: Readonly<Record<string, unknown>>;
  readonly hidden: Hidden & Readonly<Record<string, unknown>>;
  readonly dryRun: boolean;
} {
  const { __dryRun, ...rest } = properties;
  const entries = Object.entries(rest);
  const part = (hidden: boolean) =>
    Object.fromEntries(entries.filter(([key]) => key.startsWith("__") === hidden));
  return { visible: part(false), hidden: part(true), dryRun: __dryRun === true };
}
