import * as pulumi from "@pulumi/pulumi";

/** A resource of the program, or the name of one. */
export type Reference<R> = R | pulumi.Input<string>;
/** Resources of the program, or their names. */
export type References<R> = pulumi.Input<readonly Reference<R>[]>;

/** What the schemas say of one class, as far as the program's side has to know it. */
export interface Declaration {
  readonly kind: string;
  /** Inputs that name other resources. */
  readonly references: readonly string[];
  /** Inputs that carry on the digest of a resource which another input names. */
  readonly digests: Readonly<Record<string, string>>;
  /** Secret leaves: `["power", "password"]`. */
  readonly secrets: readonly (readonly string[])[];
  /** What there is to read back beside the inputs. */
  readonly outputs: readonly string[];
}

type Arguments = Readonly<Record<string, unknown>>;

/** The properties that are sent to the engine: inputs, what we add to them, and places for the outputs. */
export function propertiesOf(
  declaration: Declaration,
  name: string,
  args: object | undefined,
  options: pulumi.CustomResourceOptions | undefined,
): pulumi.Inputs {
  const given = { ...args } as Arguments;
  const inputs: Record<string, unknown> = { ...given };
  for (const key of declaration.references) inputs[key] = namesOf(given[key]);
  for (const [key, of] of Object.entries(declaration.digests))
    inputs[key] = given[key] ?? digestOf(given[of]);
  for (const [key = "", ...path] of declaration.secrets) inputs[key] = withSecret(inputs[key], path);
  const places = Object.fromEntries(declaration.outputs.map((key) => [key, undefined]));
  return { ...places, ...inputs, ...hiddenOf(declaration, name, options) };
}

/** A server cannot exist twice: what replaces it is made after it has gone. */
export const settle = (options: pulumi.CustomResourceOptions = {}): pulumi.CustomResourceOptions => ({
  ...options,
  deleteBeforeReplace: true,
});

/** What the provider cannot learn from Pulumi: a dynamic provider is not told whose resource it works on. */
function hiddenOf(
  { kind }: Declaration,
  name: string,
  options: pulumi.CustomResourceOptions | undefined,
): pulumi.Inputs {
  return {
    __owner: `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`,
    __urn: settled(pulumi.createUrn(name, `pulumi-nodejs:dynamic/baremetal:${kind}`, options?.parent)),
    __dryRun: pulumi.runtime.isDryRun(),
    __protected: isProtected(options),
    __logicalName: name,
  };
}

/** `protect` as Pulumi resolves it: the resource's own option, else its parent's. Absent where it is not set: no noise in the state. */
function isProtected(options: pulumi.CustomResourceOptions | undefined): true | undefined {
  const parent = options?.parent as { readonly __protect?: boolean } | undefined;
  return (options?.protect ?? parent?.__protect) === true ? true : undefined;
}

/** The bare value: as an output it would make a child wait for its parent, and a component waits for its children. */
const settled = (urn: pulumi.Output<string>): Promise<string> =>
  new Promise((resolve) => {
    urn.apply(resolve);
  });

interface Named {
  readonly name: pulumi.Output<string>;
  readonly digest?: pulumi.Output<string>;
}
const isNamed = (value: unknown): value is Named => pulumi.Resource.isInstance(value) && "name" in value;

const isLater = (value: unknown): boolean => pulumi.Output.isInstance(value) || value instanceof Promise;

/** Change a value when it is there. What comes of it may hold outputs again. */
const later = (value: unknown, change: (inner: unknown) => unknown): pulumi.Output<unknown> =>
  pulumi.output(value as Promise<object>).apply((inner) => pulumi.output(change(inner) as object));

/** Names instead of resources. A name is known at preview: the provider's check returns it as an input. */
function namesOf(value: unknown): unknown {
  if (isNamed(value)) return value.name;
  if (Array.isArray(value)) return value.map(namesOf);
  return isLater(value) ? later(value, namesOf) : value;
}

const digestOf = (value: unknown): unknown => (isNamed(value) ? value.digest : undefined);

/** Marks a leaf as secret, or all of a value whose inside only the future knows. */
function withSecret(value: unknown, [key, ...rest]: readonly string[]): unknown {
  if (value === undefined || value === null) return value;
  if (key === undefined) return pulumi.secret(value);
  if (isLater(value)) return later(value, (inner) => withSecret(inner, [key, ...rest]));
  if (typeof value !== "object" || Array.isArray(value)) return value;
  const inner = (value as Arguments)[key];
  return inner === undefined ? value : { ...value, [key]: withSecret(inner, rest) };
}
