import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { execa } from "execa";
import { buildTestImages, imageCache } from "../../tools/images/index.ts";
import { inSeconds, timed } from "../bench/lib/figures.ts";
import { startControllers } from "./lib/controllers.ts";
import { stateOf, withStack } from "./lib/stack.ts";
import { check } from "./lib/story.ts";

// A list of servers that run becomes a program, and one `up` takes them all over; none of them notices.
// `npm run story -- adopt [--servers 300]`
const { values } = parseArgs({ options: { servers: { type: "string", default: "300" } } });
const servers = Number(values.servers);
const controllers = await startControllers(servers, "on");
const { login, ports } = controllers;

/** As an asset database exports it. */
const rows = ports.map((port, n) => {
  const mac = `52:54:00:00:${hex(n >> 8)}:${hex(n & 255)}`;
  const columns = [`rack${1 + (n >> 5)}-u${1 + (n & 31)}`, "127.0.0.1", port, login.user, mac, 16, "64 GiB"];
  return [...columns, "480 GB", `rack=r${1 + (n >> 5)}`].join(",");
});
const csv = ["name,address,port,user,mac,cpus,memory,disk,capabilities", ...rows, ""].join("\n");

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

/** The program that the command line makes of the list. */
async function imported(folder: string): Promise<string> {
  const list = join(folder, "servers.csv");
  await writeFile(list, csv);
  const { whole } = await buildTestImages(imageCache());
  const main = fileURLToPath(new URL("../../dist/provider/main.js", import.meta.url));
  const words = ["nodes", "import", list, "--adopt", "--image", whole.disk.path];
  const { stdout } = await execa(process.execPath, [main, ...words]);
  return stdout;
}

const folder = await mkdtemp(join(tmpdir(), "story-list-"));
try {
  const text = await imported(folder);
  console.log(`${servers} servers in a list become a program of ${text.split("\n").length} lines; it begins`);
  for (const line of text.split("\n").slice(0, 26)) console.log(`  ${line}`);
  await withStack("adopt", text, async (program) => {
    const { pulumi } = program;
    await pulumi("config", "set", "--secret", "bmcPassword", login.password);
    let said = "";
    const say = (...words: string[]) =>
      timed(async () => {
        said = await pulumi(...words);
      });
    const planning = await say("preview");
    const announced = new Set(said.match(/adopts: recognise \S+/g)).size;
    console.log(`preview: ${inSeconds(planning)}, ${announced} adoptions announced; it ends`);
    for (const line of said.trimEnd().split("\n").slice(-3)) console.log(`  ${line.trim()}`);
    const taking = await say("up", "--yes", "--skip-preview");
    const state = await stateOf(program);
    const instances = [...state].filter(([name]) => name.startsWith("Instance "));
    const active = instances.filter(
      ([, { outputs }]) => outputs["provisionState"] === "active" && outputs["powerState"] === "on",
    );
    check(active.length === servers, `${active.length} of ${servers} are active`);
    const warnings = said.split("\n").filter((line) => /warning: /.test(line));
    console.log(
      `up: ${inSeconds(taking)}, ${(taking / servers).toFixed(2)} s a server; ${active.length} adopted`,
    );
    if (warnings.length > 0) console.log(`  ${warnings.length} warnings, the first: ${warnings[0]?.trim()}`);
    const quiet = await say("up", "--yes", "--expect-no-changes");
    console.log(`second up: ${inSeconds(quiet)}, no changes`);
    const commands = await controllers.commands();
    check(commands.length === 0, `controllers were given ${commands.join(", ")}`);
    console.log("No controller was given a command: no server was rebooted.");
  });
} finally {
  await controllers.stop();
  await rm(folder, { recursive: true, force: true });
}
