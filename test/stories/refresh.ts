import { isDeepStrictEqual, parseArgs } from "node:util";
import { inSeconds, timed } from "../bench/lib/figures.ts";
import { startControllers } from "./lib/controllers.ts";
import { type Kept, stateOf, withStack } from "./lib/stack.ts";
import { check } from "./lib/story.ts";

// A refresh of many servers, the controllers of some of which are dead: it ends well, tells these by name, and changes
// nothing of the others. `npm run story -- refresh [--nodes 200] [--dead 5]`
const { values } = parseArgs({
  options: { nodes: { type: "string", default: "200" }, dead: { type: "string", default: "5" } },
});
const [nodes, dead] = [Number(values.nodes), Number(values.dead)];
/** Spread over all of them. */
const places = Array.from({ length: dead }, (_, n) => Math.floor(((n + 0.5) * nodes) / dead));
const nameOf = (place: number) => `node-${place}`;

const controllers = await startControllers(nodes, "off");
const { login, ports } = controllers;
const text = `
import * as baremetal from "pulumi-baremetal";
for (const [n, port] of ${JSON.stringify(ports)}.entries()) {
  new baremetal.Node(\`node-\${n}\`, {
    ...{ cpus: 16, memory: "64 GiB", disk: "480 GB", capabilities: { rack: "r1" } },
    power: { driver: "ipmi", address: "127.0.0.1", port, user: "${login.user}", password: "${login.password}" },
  });
}
`;

/** Resources that are not as they were. */
function others(before: ReadonlyMap<string, Kept>, after: ReadonlyMap<string, Kept>): readonly string[] {
  check(isDeepStrictEqual([...before.keys()].sort(), [...after.keys()].sort()), "a resource came or went");
  return [...before].flatMap(([name, kept]) => (isDeepStrictEqual(kept, after.get(name)) ? [] : [name]));
}

try {
  await withStack("refresh", text, async (program) => {
    const { pulumi } = program;
    const enrolling = await timed(() => pulumi("up", "--yes", "--skip-preview"));
    console.log(`${nodes} nodes enrolled in ${inSeconds(enrolling)}`);
    const before = await stateOf(program);

    let said = "";
    const refresh = async () =>
      timed(async () => {
        said = await pulumi("refresh", "--yes", "--skip-preview");
      });
    const quick = await refresh();
    const all = others(before, await stateOf(program));
    check(all.length === 0, `with no controller dead these changed: ${all.join(", ")}`);
    console.log(`refresh, no controller dead: ${inSeconds(quick)}, exit code 0, nothing changed`);

    controllers.silence(places);
    const slow = await refresh();
    const after = await stateOf(program);
    const names = places.map(nameOf);
    const changed = others(before, after).map((name) => name.replace("Node ", ""));
    console.log(`refresh, ${dead} controllers dead: ${inSeconds(slow)}, exit code 0; it says`);
    const diagnostics = said.slice(said.indexOf("Diagnostics:")).trimEnd();
    for (const line of diagnostics.split("\n")) console.log(`  ${line}`);
    const untold = names.filter((name) => !new RegExp(`\\b${name}\\b`).test(diagnostics));
    check(untold.length === 0, `it does not tell ${untold.join(", ")}`);
    check(isDeepStrictEqual(changed.toSorted(), names.toSorted()), `these changed: ${changed.join(", ")}`);
    for (const name of names) {
      const [old, now] = [before.get(`Node ${name}`)?.outputs, after.get(`Node ${name}`)?.outputs];
      const same = isDeepStrictEqual({ ...old, reachable: false }, now);
      check(same, `more than \`reachable\` changed of ${name}: ${JSON.stringify([old, now])}`);
    }
    console.log(
      `${nodes - dead} are as they were, ${dead} are \`reachable: false\` and otherwise as they were`,
    );

    const quiet = await timed(() => pulumi("up", "--yes", "--skip-preview", "--expect-no-changes"));
    console.log(`up, ${dead} controllers dead: ${inSeconds(quiet)}, no changes`);
    controllers.silence([]);
    await refresh();
    const back = others(before, await stateOf(program));
    check(back.length === 0, `all answer again, and these are not as before: ${back.join(", ")}`);
    console.log("refresh, all answer again: all are as at first");
    const commands = await controllers.commands();
    check(commands.length === 0, `controllers were given ${commands.join(", ")}`);
    console.log(`No controller was given a command. ${dead} dead ones cost ${inSeconds(slow - quick)}.`);
  });
} finally {
  await controllers.stop();
}
