import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { Command } from "commander";
import { showBytes } from "../kernel/units.ts";
import type { Disk, Nic } from "../services/callback/announcement.ts";
import { siteErrors } from "../site/errors.ts";
import { fieldsFor, type Rehearsal } from "../workflows/inspect.ts";
import { scrubbed } from "./scrub.ts";
import { type OutputOptions, type Shell, tell, withOutput } from "./shell.ts";
import { type Column, pairs, table } from "./table.ts";

interface RehearseOptions extends OutputOptions {
  readonly report?: string;
  readonly addresses?: boolean;
}

/** `nodes rehearse`: the way of a deployment, up to the point where it would write. */
export function rehearseCommand(shell: Shell): Command {
  return withOutput(new Command("rehearse"))
    .description(
      "boot a server that is off and free into the ramdisk, tell what it is and what would be in the way of a deployment, and leave it off; nothing is written to it",
    )
    .argument("<node>", "its name")
    .option("--report <file>", "keep the report as JSON, fit to be attached to an issue")
    .option("--addresses", "leave MACs, serial numbers and UUIDs in that file as they are")
    .action(async (node: string, options: RehearseOptions) => {
      let stage = "";
      const report = (progress: { readonly stage: string }) => {
        if (progress.stage !== stage) shell.note(`${progress.stage}\n`);
        stage = progress.stage;
      };
      const site = shell.site(options);
      const told = await site.perform({ ...shell.ctx, report }, { kind: "rehearse", node });
      const answer = told as unknown as Rehearsal;
      if (options.report !== undefined) {
        const { version } = await site.about(shell.ctx);
        await keep(
          resolve(shell.cwd, options.report),
          version,
          options.addresses ? answer : scrubbed(answer),
        );
      }
      tell(shell, options, answer, render);
    });
}

async function keep(path: string, version: string, report: Rehearsal): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify({ "pulumi-baremetal": version, ...report }, null, 2)}\n`);
  } catch (error) {
    throw siteErrors.make(
      "REPORT_NOT_KEPT",
      { file: path, reason: (error as Error).message },
      { cause: error },
    );
  }
}

function render({ node, machine, hardware, findings, steps }: Rehearsal): string {
  const { vendor, product, version, cpus, memory, tpm, secureBoot, nics } = hardware;
  const about = pairs([
    ["machine", [vendor, product].filter(Boolean).join(" ") || "-"],
    [
      "firmware",
      [machine.firmware, version && `version ${version}`, secureBoot && "Secure Boot"]
        .filter(Boolean)
        .join(", "),
    ],
    ["serial", machine.serial || "-"],
    ["UUID", machine.productUuid || "-"],
    ["processors", String(cpus)],
    ["memory", showBytes(memory)],
    ["TPM", tpm ? "there" : "none that the firmware tells of"],
  ]);
  const verdict =
    findings.length === 0
      ? "Nothing was found that would be in the way of a deployment."
      : `What would be in the way, or is not as declared:\n${findings.map((line) => `  ${line}\n`).join("")}`;
  return [
    `${node} was booted from the network, looked at and switched off; nothing was written to it.\n`,
    about,
    table(cards, nics),
    table(disks(machine.chosen), machine.disks),
    table(times, steps),
    verdict,
    `For the program:\n  ${fieldsFor(machine, hardware)}\n`,
  ].join("\n");
}

const cards: readonly Column<Nic>[] = [
  { head: "CARD", of: ({ nic }) => nic },
  { head: "MAC", of: ({ mac }) => mac },
  { head: "DRIVER", of: ({ driver }) => driver || "-" },
  { head: "LINK", of: ({ link, speed }) => (link ? (speed > 0 ? `${speed} Mbit/s` : "up") : "none") },
  {
    head: "SWITCH, PORT",
    of: ({ neighbour }) =>
      neighbour ? `${neighbour.systemName || neighbour.chassisId}, ${neighbour.portId}` : "-",
  },
  { head: "BOOTED", of: ({ boot }) => (boot ? "from this one" : "") },
];

const disks = (chosen: string | undefined): readonly Column<Disk>[] => [
  { head: "DISK", of: ({ name }) => name },
  { head: "SIZE", of: ({ size }) => showBytes(size) },
  { head: "MODEL", of: ({ model }) => model || "-" },
  { head: "SERIAL", of: ({ serial }) => serial || "-" },
  { head: "WWN", of: ({ wwn }) => wwn || "-" },
  { head: "HOLDS", of: ({ holds }) => holds || "nothing" },
  {
    head: "SYSTEM",
    of: ({ name, unfit }) => (name === chosen ? "this one" : unfit === "" ? "" : `never: ${unfit}`),
  },
];

const times: readonly Column<Rehearsal["steps"][number]>[] = [
  { head: "STEP", of: ({ step }) => step },
  { head: "SECONDS", of: ({ seconds }) => seconds.toFixed(1).padStart("SECONDS".length) },
];
