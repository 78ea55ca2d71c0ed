import { toBytes } from "../../kernel/units.ts";
import { type Identifiers, identifiers } from "./identifiers.ts";
import { type Code, code, literal, spread, type Value } from "./literal.ts";
import type { Server } from "./servers.ts";

/** Servers that run already are taken over as they are. */
export interface Adoption {
  /** Name of an Image to its source. */
  readonly sources: ReadonlyMap<string, string>;
  /** For rows that name none. */
  readonly image: string;
  readonly flavor: string;
}

/** A Pulumi program that declares these servers: a Node and its Interfaces each, with an adoption an Instance too. */
export function programOf(file: string, servers: readonly Server[], adoption?: Adoption): string {
  const named = identifiers(["pulumi", "baremetal", "config", "password"]);
  const shared = adoption && declareShared(named, servers, adoption);
  const blocks = servers.map((server) =>
    declareServer(named, server, adoption && shared && { ...adoption, shared }),
  );
  return `${[head(file, servers.length), ...(shared ? [shared.text] : []), ...blocks].join("\n\n")}\n`;
}

const head = (file: string, count: number) => `\
import * as pulumi from "@pulumi/pulumi";
import * as baremetal from "pulumi-baremetal";

// Printed by \`pulumi-baremetal nodes import\` from ${file.replace(/[^\x20-\x7e]/g, "?")}: ${count} ${count === 1 ? "server" : "servers"}.
// The password of their controllers: \`pulumi config set --secret bmcPassword\`.
const config = new pulumi.Config();
const password = config.requireSecret("bmcPassword");`;

interface Shared {
  readonly text: string;
  /** Name to the constant of it. */
  readonly flavors: ReadonlyMap<string, string>;
  readonly images: ReadonlyMap<string, string>;
}

/** The Flavors and Images that the servers name, each once. */
function declareShared(named: Identifiers, servers: readonly Server[], adoption: Adoption): Shared {
  const [flavors, images] = [new Map<string, string>(), new Map<string, string>()];
  const statements: string[] = [];
  for (const name of new Set(servers.map(({ flavor = adoption.flavor }) => flavor))) {
    const id = named(name, "Flavor");
    flavors.set(name, id);
    const own = servers.filter(({ flavor = adoption.flavor }) => flavor === name).map(({ node }) => node);
    const inputs = {
      cpus: Math.min(...own.map(({ cpus }) => cpus)),
      memory: smallest(own.map(({ memory }) => memory)),
      rootDisk: smallest(own.map(({ disk }) => disk)),
    };
    statements.push(constant(id, "Flavor", name, inputs));
  }
  for (const name of new Set(servers.map(({ image = adoption.image }) => image))) {
    const id = named(name, "Image");
    images.set(name, id);
    statements.push(constant(id, "Image", name, { source: adoption.sources.get(name) ?? "" }));
  }
  const text = [
    "// Nothing is written while a server is adopted. This is what a reinstall would",
    "// write: look at it before you allow one, at `rootDisk` above all.",
    ...statements,
  ].join("\n");
  return { text, flavors, images };
}

function declareServer(
  named: Identifiers,
  { name, node, cards, image, flavor }: Server,
  adoption?: Adoption & { readonly shared: Shared },
): string {
  const { cpus, memory, disk, power, identity, capabilities } = node;
  const id = named(name);
  const inputs = {
    ...{ cpus, memory, disk, power: { ...power, password: code("password") } },
    ...(identity ? { identity } : {}),
    ...(capabilities ? { capabilities } : {}),
  };
  const lines = [`const ${id} = new baremetal.Node(${JSON.stringify(name)}, ${spread(inputs)});`];
  const ids: Code[] = [];
  for (const [index, { name: card, mac }] of cards.entries()) {
    const place: Value = { node: code(id), mac };
    const constantId = adoption && named(name, `Eth${index}`);
    if (constantId) ids.push(code(constantId));
    lines.push(constant(constantId, "Interface", card, place));
  }
  if (adoption) {
    const { shared } = adoption;
    const instance: Value = {
      flavor: code(shared.flavors.get(flavor ?? adoption.flavor) ?? ""),
      image: code(shared.images.get(image ?? adoption.image) ?? ""),
      node: code(id),
      interfaces: ids,
      adopt: true,
    };
    lines.push(constant(undefined, "Instance", name, instance));
  }
  return lines.join("\n");
}

/** The statement that declares a resource; as a constant where somebody will name it. */
function constant(
  id: string | undefined,
  kind: string,
  name: string,
  inputs: { [key: string]: Value },
): string {
  const start = `${id === undefined ? "" : `const ${id} = `}new baremetal.${kind}(${JSON.stringify(name)}, `;
  return `${start}${literal(inputs, "", start.length + ");".length)});`;
}

const smallest = (sizes: readonly string[]): string =>
  sizes.reduce((least, size) => (toBytes(size) < toBytes(least) ? size : least));
