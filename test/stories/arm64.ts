import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newContext } from "../../provider/kernel/context.ts";
import type { Rehearsal } from "../../provider/workflows/inspect.ts";
import { arm64Folder } from "../../tools/images/arm64.ts";
import { imageCache } from "../../tools/images/index.ts";
import { type LabServer, openLab } from "../lab/lab/index.ts";
import { programsRunning } from "../lab/programs.ts";
import { bootFilesOf, enrol, openSite } from "../lab/site.ts";
import { check, failureOf } from "./lib/story.ts";

// An arm64 server of QEMU's, on a host of any other kind: declared wrongly, and noticed; then rehearsed with the ramdisk of
// its own architecture. `npm run story -- arm64`; some minutes, as it is emulated.

const say = (text: string) => console.log(`   ${text.replaceAll("\n", "\n   ")}`);

async function part<T>(title: string, body: () => Promise<T>): Promise<T> {
  console.log(`\n${title}`);
  const start = Date.now();
  const result = await body();
  say(`(${((Date.now() - start) / 1000).toFixed(1)} s)`);
  return result;
}

const folder = await mkdtemp(join(tmpdir(), "story-arm64-"));
const lab = await openLab({ dir: join(folder, "lab") });
const limits = { power: "10 seconds", callback: "15 minutes", answer: "15 minutes" } as const;
const site = await openSite(lab, join(folder, "state"), { limits, pxeAppendParams: "console=ttyAMA0" });
const arm = { arch: "aarch64", bootMode: "uefi" };
try {
  await tell();
} catch (error) {
  console.error(`\nFAILED: ${error instanceof Error ? error.stack : String(error)}`);
  process.exitCode = 1;
} finally {
  await site.close();
  await lab.close();
  await rm(folder, { recursive: true, force: true });
}
const left = await programsRunning();
if (left.length > 0) {
  console.log(`Left running: ${left.join("; ")}`);
  process.exitCode = 1;
}

async function tell(): Promise<void> {
  const server = await lab.server({
    ...{ name: "ampere-1", memory: "1 GiB", arm64: arm64Folder(imageCache()) },
    disks: [{ size: "4 GiB", serial: "SYSTEM-1", kind: "virtio" }],
  });
  await part("declared as x86_64", () => mistaken(server));
  await part("nodes rehearse", () => rehearsed(server));
}

function rehearse({ name }: LabServer) {
  return site.local.perform(newContext(), { kind: "rehearse", node: name });
}

async function mistaken(server: LabServer): Promise<void> {
  await enrol(site, server, { bootMode: "uefi" });
  say(await failureOf(rehearse(server), "DEPLOY_OTHER_ARCH"));
  check(!(await server.isOn()), "it was left on");
}

async function rehearsed(server: LabServer): Promise<void> {
  await enrol(site, server, { ...arm, card: false });
  const told = (await rehearse(server)) as unknown as Rehearsal;
  const { machine, hardware, findings, steps } = told;
  say(steps.map(({ step, seconds }) => `${step} ${seconds} s`).join(", "));
  say(
    `serial ${machine.serial}, UUID ${machine.productUuid}, ${machine.firmware}; ${JSON.stringify(hardware)}`,
  );
  say(`disks ${machine.disks.map(({ name, size, byId }) => `${name} ${size} ${byId}`).join("; ")}`);
  say(`findings: ${findings.join("; ") || "none"}`);
  check(machine.serial === server.serial, `another serial: ${machine.serial}`);
  check(
    site.log.some((line) => line.includes("shimaa64.efi")),
    "shim for arm64 was not fetched",
  );
  check((await server.console()).includes("BAREMETAL up"), "its console does not show the ramdisk");
  check(!(await server.isOn()), "it was left on");
  check((await bootFilesOf(site)).length === 0, "boot files are left");
}
