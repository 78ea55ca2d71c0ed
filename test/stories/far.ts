import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type FarRack, openFarRack } from "../engine/far-rack.ts";
import { endLanguageHosts } from "../engine/processes.ts";
import { configureSite } from "../engine/workspace.ts";
import { refusals } from "./far/refusals.ts";
import { check, close, tellCases } from "./lib/story.ts";

/**
 * A client that reaches nothing but a port of its boot host, by the real CLI: its cable is cut for longer than every
 * keep-alive in the middle of an upload, a write and a boot, by ssh and by https, and its lid is closed. `npm run story -- far`
 * (a quarter of an hour).
 */

const up = ["up", "--yes", "--stack", "dev", "--skip-preview"] as const;

interface Interruption {
  /** What the CLI says when it begins. */
  readonly at: RegExp;
  readonly seconds: number;
  readonly on?: string;
  /** Default: the cable is cut. */
  readonly by?: "a lid that is closed";
}

/** Begin an update, interrupt its client, and see it to its end. Answers what was said meanwhile. */
async function interrupted(rack: FarRack, { at, seconds, on = "u7", by }: Interruption): Promise<string> {
  const begun = rack.begin(...up);
  await until(() => at.test(begun.sofar()), begun.sofar);
  const told = begun.sofar().length;
  await (by ? rack.client.sleep() : rack.client.cut());
  await pause(seconds * 1_000);
  check(!by || begun.sofar().length === told, "a client that sleeps said something");
  await slow(rack, "1gbit");
  await (by ? rack.client.wake() : rack.client.mend());
  const { exitCode, text } = await begun.ended;
  check(exitCode === 0, text);
  const outputs = (await rack.state("dev")).get(`on-${on}`)?.outputs;
  check(outputs?.["provisionState"] === "active" && outputs["answered"] === true, "it is not active");
  const timeline = outputs?.["timeline"] as readonly { readonly step: string }[];
  const writes = timeline.filter(({ step }) => step === "write").length;
  check(writes === 1, `it was written ${writes} times`);
  const lines = text.split("\n").filter((line) => /uploading|writing|waiting for|active/.test(line));
  return lines.map((line) => line.trim()).join("\n");
}
const slow = async (rack: FarRack, rate: string) => {
  for (const server of rack.servers) await rack.slow(server, rate);
};

async function until(so: () => boolean, text: () => string): Promise<void> {
  for (let tries = 0; tries < 3_000; tries += 1) {
    if (so()) return;
    await pause(100);
  }
  throw new Error(`not within five minutes: ${text()}`);
}

const destroyed = async (rack: FarRack) => {
  const { exitCode, text } = await rack.pulumi("destroy", "--yes", "--stack", "dev", "--skip-preview");
  check(exitCode === 0, text);
};
/** Where the helper has something to do that lasts until the client is back, however loaded this host is. */
const writing = { at: /writing \d+ %/, seconds: 75 };
async function afresh(rack: FarRack): Promise<void> {
  await destroyed(rack);
  await slow(rack, "4mbit");
}
const whole = { source: "./system.qcow2", checksum: undefined };
const declare = (rack: FarRack, node: string) =>
  rack.write(rack.program({ images: { whole }, nodes: [node] }));

type Case = readonly [string, (rack: FarRack) => Promise<string>];
const cases: readonly Case[] = [
  ...refusals,
  [
    "by ssh: the cable is cut for 20 seconds in the middle of the upload, which goes on",
    async (rack) => {
      await rack.client.narrow("40mbit");
      return interrupted(rack, { at: /uploading \d+ %/, seconds: 20 });
    },
  ],
  [
    "by ssh: the cable is cut for 75 seconds in the middle of the write: the client waits, and sees the rest",
    async (rack) => {
      await afresh(rack);
      return interrupted(rack, writing);
    },
  ],
  [
    "by ssh: the client's lid is closed for 150 seconds in the middle of the write: opened again it sees the rest",
    async (rack) => {
      await afresh(rack);
      return interrupted(rack, { ...writing, seconds: 150, by: "a lid that is closed" });
    },
  ],
  [
    "by https: the same site, the cable is cut for 75 seconds in the middle of the write",
    async (rack) => {
      await configureSite(rack.programFolder, "dev", await rack.serve());
      await afresh(rack);
      return interrupted(rack, writing);
    },
  ],
  [
    "by https: the first run after a create asks for its plans all at once, though the service was started anew",
    async (rack) => {
      await configureSite(rack.programFolder, "dev", await rack.serve());
      const audit = join(rack.boot.home, "state", "audit.log");
      const before = (await readFile(audit, "utf8")).length;
      const { exitCode, text } = await rack.pulumi("up", "--yes", "--stack", "dev", "--expect-no-changes");
      check(exitCode === 0, text);
      const lines = (await readFile(audit, "utf8")).slice(before).trim().split("\n");
      const asked = lines.map((line) => (JSON.parse(line) as { what: string }).what);
      check(asked.filter((what) => what === "plans ahead").length === 2, asked.join());
      check(!asked.some((what) => what.endsWith(" plan")), asked.join());
      return asked.join(", ");
    },
  ],
  [
    "a real server, by ssh to the host of a service: the cable is cut for 75 seconds from the write on",
    async (rack) => {
      await destroyed(rack);
      await rack.serve();
      await configureSite(rack.programFolder, "dev", rack.boot.address);
      await declare(rack, "q1");
      const said = await interrupted(rack, { at: /writing/, seconds: 75, on: "q1" });
      const server = rack.servers.find(({ name }) => name === "q1");
      const banner = /^.*answers at.*$/m.exec((await server?.waitConsole(/answers at/)) ?? "");
      check(banner !== null, "its console shows no system");
      await destroyed(rack);
      check((await server?.isOn()) === false, "it is on");
      return `${said}\nits console: ${banner?.[0]}`;
    },
  ],
];

const rack = await openFarRack(["u7"], ["q1"]);
try {
  await copyFile(rack.images.whole.disk.path, join(rack.programFolder, "system.qcow2"));
  await declare(rack, "u7");
  const told = cases.map(([title, body]) => {
    const act = () => body(rack).finally(() => endLanguageHosts(rack.folder));
    return [title, act] as const;
  });
  close(await tellCases(process.argv.slice(2), told));
} finally {
  await rack.close();
}
