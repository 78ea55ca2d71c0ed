import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type FarRack, openFarRack } from "../engine/far-rack.ts";
import { endLanguageHosts } from "../engine/processes.ts";
import type { Begun } from "../engine/workspace.ts";
import { configureSite } from "../engine/workspace.ts";
import { check } from "./lib/story.ts";

/**
 * A client that reaches nothing but a port of its boot host, by the real CLI: its cable is cut for more than a minute in the
 * middle of an upload and of a write, by ssh and by https. `npm run story -- far` (about ten minutes).
 */

const up = ["up", "--yes", "--stack", "dev", "--skip-preview"] as const;

async function installed(rack: FarRack, begun: Begun): Promise<string> {
  const { exitCode, text } = await begun.ended;
  check(exitCode === 0, text);
  const outputs = (await rack.state("dev")).get("on-u7")?.outputs;
  check(outputs?.["provisionState"] === "active" && outputs["answered"] === true, "it is not active");
  const timeline = outputs?.["timeline"] as readonly { readonly step: string }[];
  const writes = timeline.filter(({ step }) => step === "write").length;
  check(writes === 1, `it was written ${writes} times`);
  const lines = text.split("\n").filter((line) => /uploading|writing|waiting for the (conn|serv)/.test(line));
  return lines.map((line) => line.trim()).join("\n");
}

/** Cut the cable at a word, mend it after so long, and see it to its end. */
async function cutAt(rack: FarRack, word: RegExp, seconds: number): Promise<string> {
  const begun = rack.begin(...up);
  await until(() => word.test(begun.sofar()), begun.sofar);
  await rack.client.cut();
  await pause(seconds * 1_000);
  await slow(rack, "1gbit");
  await rack.client.mend();
  return installed(rack, begun);
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

type Case = readonly [string, (rack: FarRack) => Promise<string>];
const cases: readonly Case[] = [
  [
    "by ssh: the cable is cut for 20 seconds in the middle of the upload, which goes on",
    async (rack) => {
      await rack.client.narrow("40mbit");
      return cutAt(rack, /uploading \d+ %/, 20);
    },
  ],
  [
    "by ssh: the cable is cut for 75 seconds in the middle of the write: the client waits, and sees the rest",
    async (rack) => {
      await destroyed(rack);
      await slow(rack, "4mbit");
      return cutAt(rack, /writing \d+ %/, 75);
    },
  ],
  [
    "by https: the same site, the same cut",
    async (rack) => {
      await configureSite(rack.programFolder, "dev", await rack.serve());
      await destroyed(rack);
      await slow(rack, "4mbit");
      return cutAt(rack, /writing \d+ %/, 75);
    },
  ],
  [
    "by https: a preview and an update without changes ask for their plans all at once",
    async (rack) => {
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
];

const words = process.argv.slice(2);
const rack = await openFarRack(["u7"]);
let [told, failed] = [0, 0];
try {
  await copyFile(rack.images.whole.disk.path, join(rack.programFolder, "system.qcow2"));
  const whole = { source: "./system.qcow2", checksum: undefined };
  await rack.write(rack.program({ images: { whole } }));
  for (const [title, body] of cases) {
    if (words.length > 0 && !words.some((word) => title.includes(word))) continue;
    told += 1;
    const start = Date.now();
    const said = await body(rack).catch((error: Error) => {
      failed += 1;
      return `FAILED: ${error.message}`;
    });
    const seconds = ((Date.now() - start) / 1_000).toFixed(1);
    console.log(`${said.startsWith("FAILED") ? "FAILED" : "ok    "} ${title} (${seconds} s)`);
    console.log(`         ${said.replaceAll("\n", "\n         ")}`);
    await endLanguageHosts(rack.folder);
  }
} finally {
  await rack.close();
}
console.log(`${told} told, ${failed} failed`);
if (failed > 0 || told === 0) process.exitCode = 1;
