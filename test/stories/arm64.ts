import { newContext } from "../../provider/kernel/context.ts";
import type { Rehearsal } from "../../provider/workflows/inspect.ts";
import { arm64Folder, buildArm64Image } from "../../tools/images/arm64.ts";
import { imageCache } from "../../tools/images/index.ts";
import { type LabServer, readBanner } from "../lab/lab/index.ts";
import { bootFilesOf, enrol, install, nameOn, type TestSite } from "../lab/site.ts";
import { part, play, type Scene, say } from "./lib/scene.ts";
import { check, failureOf } from "./lib/story.ts";

// An arm64 server of QEMU's, on a host of any other kind: declared wrongly, and noticed; then rehearsed with the ramdisk of
// its own architecture, and installed. `npm run story -- arm64`; some minutes, as it is emulated.

const limits = { power: "10 seconds", callback: "15 minutes", answer: "15 minutes" } as const;
const arm = { arch: "aarch64", bootMode: "uefi" };
await play({ limits, pxeAppendParams: "console=ttyAMA0" }, tell);

async function tell({ lab, site }: Scene): Promise<void> {
  const server = await lab.server({
    ...{ name: "ampere-1", memory: "1 GiB", arm64: arm64Folder(imageCache()) },
    disks: [{ size: "4 GiB", serial: "SYSTEM-1", kind: "virtio" }],
  });
  await part("declared as x86_64", () => mistaken(site, server));
  await part("nodes rehearse", () => rehearsed(site, server));
  await part("pulumi up: with an image for x86_64, then with one of its own", () => installed(site, server));
  await part("pulumi destroy, with onDelete: clean", () => handedBack(site, server));
}

function rehearse(site: TestSite, { name }: LabServer) {
  return site.local.perform(newContext(), { kind: "rehearse", node: name });
}

async function mistaken(site: TestSite, server: LabServer): Promise<void> {
  await enrol(site, server, { bootMode: "uefi" });
  say(await failureOf(rehearse(site, server), "DEPLOY_OTHER_ARCH"));
  check(!(await server.isOn()), "it was left on");
}

async function rehearsed(site: TestSite, server: LabServer): Promise<void> {
  await enrol(site, server, { ...arm, card: false });
  const told = (await rehearse(site, server)) as unknown as Rehearsal;
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

async function installed(site: TestSite, server: LabServer): Promise<void> {
  const source = await buildArm64Image(imageCache());
  await site.declare("flavors", "small", { cpus: 1, memory: "256 MiB", rootDisk: "1 GiB" });
  await site.declare("images", "whole", { source });
  say(await refusedAtPreview(install(site, server)));
  await site.declare("images", "whole", { source, arch: "aarch64" });
  const state = await install(site, server, { onDelete: "clean" });
  const timeline = state["timeline"] as readonly { step: string; seconds: number }[];
  say(timeline.map(({ step, seconds }) => `${step} ${seconds} s`).join(", "));
  for (const name of ["address", "rootDevice", "rootSize", "verified"]) say(`${name} ${state[name]}`);
  const banner = await readBanner(String(state["address"]), "10 seconds");
  say(banner);
  check(banner.includes("labdisk-arm64_1"), "another system answers");
}

async function refusedAtPreview(outcome: Promise<unknown>): Promise<string> {
  const text = await failureOf(outcome, "INSTANCE_NO_NODE");
  check(text.includes("it is aarch64, the image is for x86_64"), text);
  return text;
}

async function handedBack(site: TestSite, server: LabServer): Promise<void> {
  await site.remove("instances", nameOn(server));
  const node = await site.observe("nodes", server.name);
  say(`${server.name} is ${node?.["provisionState"]}; ${JSON.stringify(node?.["lastClean"])}`);
  check(node?.["provisionState"] === "available" && !(await server.isOn()), "it is not free and off");
  check((await bootFilesOf(site)).length === 0, "boot files are left");
}
