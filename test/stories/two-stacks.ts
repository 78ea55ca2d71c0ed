import { openRack, reason } from "../engine/rack.ts";
import { check } from "./lib/story.ts";

// Two stacks choose among the same servers at once, by the real CLI: as many instances as nodes, none pinned, and each node is
// used once. `npm run story -- two-stacks [NODES]`
const count = Number(process.argv[2] ?? 12);
if (reason) throw new Error(reason);
const servers = Array.from({ length: count }, (_, n) => `n${n + 1}`);
const choosing = ["first", "second"];
const patience = { power: "3 minutes", callback: "20 minutes", answer: "20 minutes" } as const;
const rack = await openRack({
  ...{ servers, stacks: ["rack", ...choosing], timeout: 3_600_000 },
  site: { limits: patience },
});

/** The stack `rack` declares the servers; each of the others half of the instances. */
const text = `
if (pulumi.getStack() === "rack") {
${rack.servers
  .map(
    ({ name, mac, bmc }) => `
  const ${name} = new baremetal.Node("${name}", {
    cpus: 1, memory: "512 MiB", disk: "4 GiB", power: ${JSON.stringify({ driver: "ipmi", ...bmc })},
  });
  new baremetal.Interface("${name}-eth0", { node: ${name}, mac: "${mac}" });`,
  )
  .join("")}
} else {
  const stack = pulumi.getStack();
  const flavor = new baremetal.Flavor("small-" + stack, { cpus: 1, memory: "256 MiB", rootDisk: "1 GiB", swap: "128 MiB" });
  const image = new baremetal.Image("whole-" + stack, ${JSON.stringify({
    source: rack.images.whole.disk.path,
    checksum: rack.images.whole.disk.checksum,
  })});
  for (let n = 1; n <= ${count / 2}; n += 1) {
    new baremetal.Instance(stack + "-" + n, { flavor, image, candidates: ${JSON.stringify(servers)}, hardReboot: true });
  }
}
`;

const up = async (stack: string) => {
  const { exitCode, text: said } = await rack.pulumi("up", "--stack", stack, "--yes", "--skip-preview");
  check(exitCode === 0, `up of ${stack} ended with ${exitCode}:\n${said}`);
};

try {
  await rack.write(text);
  await up("rack");
  const begun = Date.now();
  await Promise.all(choosing.map(up));
  console.log(`${count} instances of 2 stacks in ${((Date.now() - begun) / 1000).toFixed(0)} s`);
  const used = new Map<string, string>();
  for (const stack of choosing) {
    for (const [name, { outputs }] of await rack.state(stack)) {
      const { assignedNode, provisionState } = outputs;
      if (typeof assignedNode !== "string") continue;
      check(provisionState === "active", `${name} is ${provisionState}`);
      check(!used.has(assignedNode), `${assignedNode} was given to ${used.get(assignedNode)} and to ${name}`);
      used.set(assignedNode, name);
    }
  }
  for (const { name, isOn } of rack.servers) {
    const [commands, instance] = [await rack.commandsTo(name), used.get(name)];
    const starts = commands.filter((words) => words === "set power 1").length;
    console.log(`ok     ${name}: ${instance}, switched on ${starts} time`);
    check(instance !== undefined, `${name} was left over`);
    check(starts === 1 && (await isOn()), `${name} was given ${commands.join(", ")}`);
  }
  console.log(`${used.size} told, 0 failed`);
} finally {
  await rack.close();
}
