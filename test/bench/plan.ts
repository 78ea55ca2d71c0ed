import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { pulumiEnvironment } from "../../tools/program/environment.ts";
import { preparePackage } from "../../tools/program/package.ts";
import { startIpmiSim } from "../contract/power/ipmi-sim.ts";
import { startUdpWire } from "../lab/faults/udp.ts";
import { benchFar } from "./lib/far.ts";
import { asRatio, cpuOfChildren, inSeconds, Samples, table, timed, turned, verdict } from "./lib/figures.ts";
import { layProgram, type Program } from "./lib/program.ts";

/**
 * `pulumi up` without changes of a stack of enrolled nodes, against the same stack with a provider that does nothing.
 * Then the plans alone, of a client
 * that is far away. Inside the lab: `npm run bench -- plan [--nodes 100] [--rounds 5] [--far]`, with which only the latter is told.
 */

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "100" },
    rounds: { type: "string", default: "5" },
    far: { type: "boolean", default: false },
  },
});
const [nodes, rounds] = [Number(values.nodes), Number(values.rounds)];
const repo = fileURLToPath(new URL("../../", import.meta.url));
const login = { user: "admin", password: "secret" };
const site = {
  idle: "60 seconds",
  callbackPort: 10_001,
  manners: { gap: "1 ms", gapAfterError: "1 ms", rest: "1 ms", poll: "20 ms", stagger: "1 ms" },
};

/** What each node is, in both programs. */
const declared = (ports: readonly number[]) => `
const ports = ${JSON.stringify(ports)};
const argsOf = (port: number) => ({
  ...{ arch: "x86_64", cpus: 16, memory: "64 GiB", disk: "480 GB", capabilities: { rack: "r1" } },
  power: { driver: "ipmi", address: "127.0.0.1", port, user: "${login.user}", password: "${login.password}" },
} as const);
`;

const nodesProgram = (ports: readonly number[]) => `
import * as baremetal from "pulumi-baremetal";
${declared(ports)}
for (const [n, port] of ports.entries()) new baremetal.Node(\`node-\${n}\`, argsOf(port));
`;

/** As many inputs and outputs as a Node has, the same secret, and places for the outputs, which every dynamic resource has to name. */
const emptyProgram = (ports: readonly number[], shape: Shape) => `
import * as pulumi from "@pulumi/pulumi";
${declared(ports)}
const [inputs, outputs] = ${JSON.stringify([shape.inputs, shape.outputs])};
const places = Object.fromEntries(Object.keys(outputs).map((key) => [key, undefined]));
const provider: pulumi.dynamic.ResourceProvider = {
  check: async (olds, news) => ({ inputs: news, failures: [] }),
  diff: async () => ({ changes: false }),
  create: async (inputs) => ({ id: inputs.name, outs: { ...inputs, ...${JSON.stringify(shape.outputs)} } }),
};
class Node extends pulumi.dynamic.Resource {
  constructor(name: string, { power, ...args }: ReturnType<typeof argsOf>) {
    const hidden = { ...power, password: pulumi.secret(power.password) };
    const props = { ...places, name, ...args, power: hidden, ...inputs };
    super(provider, name, props, undefined, "baremetal", "Node");
  }
}
for (const [n, port] of ports.entries()) new Node(\`node-\${n}\`, argsOf(port));
`;

type Properties = Readonly<Record<string, unknown>>;
interface Shape {
  readonly inputs: Properties;
  readonly outputs: Properties;
}

/** The first node as the state has it, without what the empty program declares by itself. */
async function shapeOf(program: Program): Promise<Shape> {
  const state = JSON.parse(await program.pulumi("stack", "export")) as {
    deployment: { resources: readonly { type: string; inputs?: Properties; outputs?: Properties }[] };
  };
  const node = state.deployment.resources.find(({ type }) => type.endsWith(":Node"));
  const own = ["name", "arch", "cpus", "memory", "disk", "capabilities", "power", "__provider"];
  const without = (all: Properties = {}, left: readonly string[]) =>
    Object.fromEntries(Object.entries(all).filter(([key]) => !left.includes(key)));
  return {
    inputs: without(node?.inputs, own),
    outputs: without(node?.outputs, [...own, ...Object.keys(node?.inputs ?? {})]),
  };
}

/** All controllers are one: after a node was enrolled nobody asks it again. Each has a port of its own. */
async function startControllers() {
  const users = [{ name: login.user, password: login.password, privilege: "admin" as const }];
  const controller = await startIpmiSim({ users });
  const wires = await Promise.all(Array.from({ length: nodes }, () => startUdpWire(controller.port)));
  return {
    ports: wires.map(({ port }) => port),
    async stop() {
      for (const wire of wires) wire.stop();
      await controller.stop();
    },
  };
}

// On a machine that others use too, processor seconds say more than the clock; the helper's own are not in them.
const cpu = ", processor seconds";
const unchanged = ["up", "--yes", "--expect-no-changes"];

async function bench(folder: string): Promise<void> {
  const cache = join(repo, "node_modules", ".cache", "pulumi-baremetal");
  const packed = await preparePackage({ repo, cache });
  const env = await pulumiEnvironment({ folder });
  const lay = (name: string, text: string) =>
    layProgram({ name, text, folder, repo, package: packed, env, site });
  const controllers = await startControllers();
  try {
    const ours = await lay("nodes", nodesProgram(controllers.ports));
    const enrolling = await timed(() => ours.pulumi("up", "--yes", "--skip-preview"));
    const empty = await lay("empty", emptyProgram(controllers.ports, await shapeOf(ours)));
    const creating = await timed(() => empty.pulumi("up", "--yes", "--skip-preview"));
    console.log(
      `${nodes} nodes enrolled in ${inSeconds(enrolling)}, ${nodes} empty ones made in ${inSeconds(creating)}`,
    );
    const samples = new Samples();
    const programs = { nodes: ours, "empty provider": empty };
    for (const program of Object.values(programs)) await program.pulumi(...unchanged);
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, program] of turned(Object.entries(programs), round)) {
        const before = await cpuOfChildren();
        samples.add(name, await timed(() => program.pulumi(...unchanged)));
        samples.add(`${name}${cpu}`, (await cpuOfChildren()) - before);
      }
    }
    report(samples);
  } finally {
    await controllers.stop();
  }
}

function report(samples: Samples): void {
  const rows = samples.names().map((name) => {
    const times = samples.of(name);
    const spread = `${Math.min(...times).toFixed(2)} - ${Math.max(...times).toFixed(2)}`;
    return [name, inSeconds(samples.median(name)), spread];
  });
  console.log(
    `\n\`pulumi up\` (preview and update) without changes, ${nodes} nodes, ${rounds} rounds by turns`,
  );
  console.log(table([["", "median", "spread"], ...rows]));
  const ratio = samples.median("nodes") / samples.median("empty provider");
  console.log(
    `\n${verdict("`pulumi up` without changes against an empty provider", asRatio(ratio), "at most 1.3 x", ratio <= 1.3)}`,
  );
}

/** The helper ends with the lab at the latest; its files are to be gone before. */
async function endHelper(folder: string): Promise<void> {
  for (const pid of (await readdir("/proc")).map(Number).filter((pid) => pid > 0)) {
    const words = await readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => "");
    if (words.includes("\0helper\0") && words.includes(folder)) process.kill(pid, "SIGTERM");
  }
  await pause(1_000);
}

const folder = await mkdtemp(join(tmpdir(), "bench-plan-"));
try {
  if (!values.far) await bench(folder);
  await benchFar(3 * nodes, rounds);
} finally {
  await endHelper(folder);
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}
