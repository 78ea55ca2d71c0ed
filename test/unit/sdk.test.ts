import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as pulumi from "@pulumi/pulumi";
import { execa } from "execa";
import ts from "typescript";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { propertiesOf, settle } from "../../sdk/declare.ts";
import { Flavor, Image, Instance, Interface, Node, type NodeArgs } from "../../sdk/index.ts";

// What a test runner makes of `import()` cannot be serialised; the true text is measured below, as tsc compiles it.
vi.mock("../../sdk/provider.ts", () => ({
  providerOf: () => ({ check: () => Promise.resolve({}) }),
}));

type Seen = Readonly<Record<string, unknown>>;
const seen = new Map<string, { readonly type: string; readonly inputs: Seen }>();
const secretMark = "1b47061264138c4ac30d75fd1eb44270";

const nodeArgs: NodeArgs = {
  power: {
    driver: "ipmi",
    address: "10.0.0.17",
    user: "admin",
    password: "planted",
    kg: pulumi.secret("kg"),
  },
  cpus: 16,
  memory: "64 GiB",
  disk: "480 GB",
};
const flavorArgs = { cpus: 1, memory: "1 GiB", rootDisk: "4 GiB" } as const;

/** The value and whether it is a secret. */
const settled = async <T>(output: pulumi.Output<T>): Promise<{ value: T; secret: boolean }> => ({
  value: await new Promise<T>((resolve) => {
    output.apply(resolve);
  }),
  secret: await pulumi.isSecret(output),
});
const inputsOf = async (resource: pulumi.Resource, name: string): Promise<Seen> => {
  await settled(resource.urn);
  return seen.get(name)?.inputs ?? {};
};

beforeAll(async () => {
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        seen.set(name, { type, inputs });
        const digest = /Flavor|Image/.test(type) ? { digest: `digest of ${name}` } : {};
        return { id: name, state: { name: inputs.__logicalName, ...inputs, ...digest } };
      },
      call: () => ({}),
    },
    "shop",
    "prod",
    true,
    "acme",
  );
});

describe("the classes", () => {
  it.for([
    { make: () => new Node("t-node", nodeArgs), kind: "Node", name: "t-node" },
    { make: () => new Interface("t-nic", { node: "n", mac: "m" }), kind: "Interface", name: "t-nic" },
    { make: () => new Flavor("t-flavor", flavorArgs), kind: "Flavor", name: "t-flavor" },
    { make: () => new Image("t-image", { source: "s" }), kind: "Image", name: "t-image" },
    { make: () => new Instance("t-web", { flavor: "f", image: "i" }), kind: "Instance", name: "t-web" },
  ])("give $kind its type and tell the provider whose it is", async ({ make, kind, name }) => {
    const inputs = await inputsOf(make(), name);
    const type = `pulumi-nodejs:dynamic/baremetal:${kind}`;
    expect(seen.get(name)?.type).toBe(type);
    expect(inputs).toMatchObject({
      __owner: "acme/shop/prod",
      __urn: `urn:pulumi:prod::shop::${type}::${name}`,
      __dryRun: true,
      __logicalName: name,
    });
    expect(inputs["__provider"]).toEqual(expect.any(String));
  });

  it("pass names and digests of the resources they are given", async () => {
    const node = new Node("n1", nodeArgs);
    const nic = new Interface("n1-eth0", { node, mac: "52:54:00:00:00:01" });
    const flavor = new Flavor("small", flavorArgs);
    const image = new Image("d12", { source: "./d12.qcow2" });
    const web = new Instance("web", {
      flavor,
      image,
      candidates: [node, "spare"],
      interfaces: pulumi.output([nic]),
    });
    expect(await inputsOf(nic, "n1-eth0")).toMatchObject({ node: "n1" });
    expect(await inputsOf(web, "web")).toMatchObject({
      flavor: "small",
      flavorDigest: "digest of small",
      image: "d12",
      imageDigest: "digest of d12",
      candidates: ["n1", "spare"],
      interfaces: ["n1-eth0"],
    });
  });

  it("pass names that are written out, and then no digest", async () => {
    const inputs = await inputsOf(new Instance("plain", { flavor: "f", image: pulumi.output("i") }), "plain");
    expect(inputs).toMatchObject({ flavor: "f", image: "i" });
    expect(inputs["flavorDigest"]).toBeUndefined();
  });

  it("leave the name to the provider when the program gives none", async () => {
    expect(await inputsOf(new Flavor("unnamed", flavorArgs), "unnamed")).not.toHaveProperty("name");
    const named = new Flavor("logical", { ...flavorArgs, name: "given" });
    expect(await inputsOf(named, "logical")).toMatchObject({ name: "given" });
  });

  it("wrap the secrets, and only those, whatever the program gave", async () => {
    const { value, secret } = await settled(new Node("sealed", nodeArgs).power);
    expect(secret).toBe(true);
    expect(value).toMatchObject({ password: "planted" });
    const later = new Node("sealed-later", { ...nodeArgs, power: pulumi.output(nodeArgs.power) });
    expect((await settled(later.power)).secret).toBe(true);
    expect((await settled(later.cpus)).secret).toBe(false);
    expect((await settled(new Flavor("open", flavorArgs).memory)).secret).toBe(false);
  });

  it("send the leaf alone as a secret, so that the rest of the controller stays readable", () => {
    const declaration = {
      kind: "Node",
      references: [],
      digests: {},
      secrets: [["power", "password"]],
      outputs: ["serial"],
    };
    const { power, serial, ...rest } = propertiesOf(declaration, "n", { power: nodeArgs.power }, undefined);
    expect(power.address).toBe("10.0.0.17");
    expect(pulumi.Output.isInstance(power.password)).toBe(true);
    expect(Object.keys(rest).every((key) => key.startsWith("__"))).toBe(true);
    expect(serial).toBeUndefined();
    expect(nodeArgs.power).toHaveProperty("password", "planted");
  });

  it("know their place below a component, without waiting for it", async () => {
    class Rack extends pulumi.ComponentResource {
      readonly node = new Node("child", nodeArgs, { parent: this });
    }
    const rack = new Rack("acme:hw:Rack", "r1");
    expect((await inputsOf(rack.node, "child"))["__urn"]).toBe(
      "urn:pulumi:prod::shop::acme:hw:Rack$pulumi-nodejs:dynamic/baremetal:Node::child",
    );
  });
});

/** The SDK's provider as tsc publishes it, serialised by Pulumi in a plain Node process: texts by collection. */
async function serialised(): Promise<Readonly<Record<string, string>>> {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const folder = await mkdtemp(join(tmpdir(), "sdk-"));
  try {
    const source = await readFile(join(root, "sdk/provider.ts"), "utf8");
    const options = {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2023,
      verbatimModuleSyntax: true,
    };
    await writeFile(
      join(folder, "provider.mjs"),
      ts.transpileModule(source, { compilerOptions: options }).outputText,
    );
    await symlink(join(root, "node_modules"), join(folder, "node_modules"));
    const program = `
      import * as pulumi from "@pulumi/pulumi";
      import { providerOf } from ${JSON.stringify(pathToFileURL(join(folder, "provider.mjs")).href)};
      const texts = {};
      for (const name of ["nodes", "interfaces", "flavors", "images", "instances"]) {
        const provider = providerOf(name);
        texts[name] = (await pulumi.runtime.serializeFunction(() => provider, { allowSecrets: true })).text;
      }
      console.log(JSON.stringify(texts));`;
    const { stdout } = await execa(process.execPath, ["--input-type=module", "--eval", program], {
      cwd: folder,
    });
    return JSON.parse(stdout) as Readonly<Record<string, string>>;
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("the options", () => {
  it("always delete before they replace, and keep the rest", () => {
    expect(settle()).toEqual({ deleteBeforeReplace: true });
    expect(settle({ protect: true, deleteBeforeReplace: false })).toEqual({
      protect: true,
      deleteBeforeReplace: true,
    });
  });
});

describe("the provider in the state", () => {
  it("is small, the same for all but its collection, and holds nothing but lazy imports", async () => {
    const texts = await serialised();
    for (const [collection, text] of Object.entries(texts)) {
      expect(Buffer.byteLength(text)).toBeLessThan(2560);
      expect(text.replaceAll(`"${collection}"`, '"nodes"')).toBe(texts["nodes"]);
      expect(text.match(/import\("pulumi-baremetal\/dynamic"\)/g)).toHaveLength(7);
      expect(text).not.toMatch(/require\(|__vite|__import|node_modules/);
    }
  }, 30_000);
});

describe("the mark of a secret", () => {
  it("is the one that the engine knows", () => {
    expect(pulumi.runtime.specialSigKey).toBe("4dabf18193072939515e22adb298388d");
    expect(pulumi.runtime.specialSecretSig).toBe(secretMark);
  });
});
