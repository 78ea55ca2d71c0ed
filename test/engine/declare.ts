import type { TestImages } from "../../tools/images/index.ts";
import type { LabServer } from "../lab/lab/index.ts";

/** Inputs of a resource, and with `options` Pulumi's own. Where another resource belongs, its name stands for it. */
export type Args = Readonly<Record<string, unknown>>;
type Named = Readonly<Record<string, Args>>;
export type InstanceArgs = Args & { readonly node?: string; readonly image?: string };

/** What a stack of a rack differs in from the one with a whole-disk instance `on-NAME` on each server. */
export interface Knobs {
  /** The servers that are declared. Default: all. */
  readonly nodes?: readonly string[];
  /** More for each Node, and for single ones by their names. */
  readonly node?: Args;
  readonly nodeArgs?: Named;
  /** More for each Interface, and for single ones by their names. */
  readonly card?: Args;
  readonly cardArgs?: Named;
  /** More for the Flavor `small`. */
  readonly flavor?: Args;
  /** More for the images `whole` and `partition`, or all of another one. `whole` and `partition` are declared where they are used. */
  readonly images?: Named;
  /** By their names. */
  readonly instances?: Readonly<Record<string, InstanceArgs>>;
  /** More for each Instance. */
  readonly instance?: InstanceArgs;
  /** More text. */
  readonly more?: string;
}

class Code {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const references = ["node", "candidates", "interfaces", "flavor", "image", "dependsOn", "parent"];
const variableOf = (name: string) => name.replaceAll(/\W/g, "_");
export const cardOf = (node: string): string => `${node}-eth0`;

/** A value as a program says it. */
function text(value: unknown, key = ""): string {
  if (value instanceof Code) return value.text;
  if (typeof value === "string" && references.includes(key)) return variableOf(value);
  if (Array.isArray(value)) return `[${value.map((one) => text(one, key)).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return `{ ${fields.map(([name, inner]) => `${JSON.stringify(name)}: ${text(inner, name)}`).join(", ")} }`;
}

function resource(kind: string, name: string, { options = {}, ...args }: Args): string {
  return `const ${variableOf(name)} = new baremetal.${kind}("${name}", ${text(args)}, ${text(options)});\n`;
}

/** Lines of a program. A resource's variable is its name, `_` in the place of what a variable may not have. */
export const declare = {
  /** TypeScript in the place of a value. */
  code: (typescript: string): unknown => new Code(typescript),
  node({ name, bmc }: LabServer, more: Args = {}): string {
    const size = { cpus: 1, memory: "512 MiB", disk: "4 GiB" };
    return resource("Node", name, { ...size, power: { driver: "ipmi", ...bmc }, ...more });
  },
  /** The card `NAME-eth0` of a server. */
  card: ({ name, mac }: LabServer, more: Args = {}): string =>
    resource("Interface", cardOf(name), { node: name, mac, ...more }),
  flavor: (name: string, more: Args = {}): string =>
    resource("Flavor", name, { cpus: 1, memory: "256 MiB", rootDisk: "1 GiB", swap: "128 MiB", ...more }),
  image: (name: string, args: Args): string => resource("Image", name, args),
  /** By default of the whole-disk image, and with a node it has its card. */
  instance(name: string, args: InstanceArgs): string {
    const cards = args.node === undefined ? {} : { interfaces: [cardOf(args.node)] };
    return resource("Instance", name, {
      flavor: "small",
      image: "whole",
      hardReboot: true,
      ...cards,
      ...args,
    });
  },
};

/** The program of a stack that has all its servers and what is installed on them. */
export function programOf(all: readonly LabServer[], images: TestImages, knobs: Knobs = {}): string {
  const servers = all.filter(({ name }) => knobs.nodes?.includes(name) ?? true);
  const names = servers.map(({ name }) => name);
  const { node, nodeArgs = {}, card, cardArgs = {}, flavor, instance, more = "" } = knobs;
  const instances = Object.entries(knobs.instances ?? oneOnEach(names));
  // Who leaves the choice to the flavor has to wait until there is something to choose from.
  const choice = { options: { dependsOn: [...names, ...names.map(cardOf)] } };
  const full = instances.map(
    ([name, args]) => [name, { ...(args.node ? {} : choice), ...instance, ...args }] as const,
  );
  const used = full.map(([, { image = "whole" }]) => [image, {}] as const);
  const wanted = Object.entries({ ...Object.fromEntries(used), ...knobs.images });
  return [
    ...servers.map((server) => declare.node(server, { ...node, ...nodeArgs[server.name] })),
    ...servers.map((server) => declare.card(server, { ...card, ...cardArgs[cardOf(server.name)] })),
    declare.flavor("small", flavor),
    ...wanted.map(([name, args]) => declare.image(name, { ...systems(images)[name], ...args })),
    ...full.map(([name, args]) => declare.instance(name, args)),
    more,
  ].join("");
}

export const nameOn = (server: string): string => `on-${server}`;

const oneOnEach = (servers: readonly string[]): Readonly<Record<string, InstanceArgs>> =>
  Object.fromEntries(servers.map((node) => [nameOn(node), { node }]));

/** The images of the tests, as a program declares them. */
function systems({ whole, partition }: TestImages): Named {
  const { root, kernel, ramdisk } = partition;
  const boot = { kernel: { source: kernel.path }, ramdisk: { source: ramdisk.path } };
  return {
    whole: { source: whole.disk.path, checksum: whole.disk.checksum },
    partition: { source: root.path, ...boot, kernelArgs: ["console=ttyS0"] },
  };
}
