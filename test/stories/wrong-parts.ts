import { rm } from "node:fs/promises";
import { execa } from "execa";
import type { DiskOptions, LabServer } from "../lab/lab/index.ts";
import { readBanner } from "../lab/lab/index.ts";
import { bootFilesOf, enrol, install, nameOn } from "../lab/site.ts";
import { check, failureOf, type Stage, tell } from "./lib/story.ts";

// Servers whose disks or controllers are not as they should be, with the real ramdisk: what a user reads.
// `npm run story -- wrong-parts [WORD…]` tells those with a word.
await tell(process.argv.slice(2), function* (stage) {
  const used = stage.images.whole.disk.path;
  const disk = (serial: string, more: Partial<DiskOptions> = {}): DiskOptions => ({
    size: "4 GiB",
    serial,
    ...more,
  });

  yield [
    "two disks that could be meant, and no hint",
    () => refused(stage, "two", [disk("ONE"), disk("TWO")], {}, "DEPLOY_DISK_AMBIGUOUS"),
  ];
  yield [
    "a hint that no disk meets",
    () => refused(stage, "none", [disk("ONE")], { serial: "THREE" }, "DEPLOY_NO_DISK"),
  ];
  yield [
    "a disk with a system before the chosen one",
    () =>
      refused(
        stage,
        "rival",
        [disk("OLD", { content: used }), disk("NEW")],
        { serial: "NEW" },
        "DEPLOY_OTHER_DISK_BOOTS",
      ),
  ];
  yield [
    "a disk with a system",
    () => refused(stage, "used", [disk("OLD", { content: used })], {}, "DEPLOY_DISK_NOT_BLANK"),
  ];
  yield [
    "a stick with a system beside a blank disk",
    () => installed(stage, "stick", [disk("NEW"), disk("STICK", { kind: "usb", content: used })], {}),
  ];
  yield [
    "two blank disks and a hint that one meets, an NVMe one",
    () => installed(stage, "hinted", [disk("ONE"), disk("TWO", { kind: "nvme" })], { serial: "ONE" }),
  ];
  yield ["a UEFI server that finds nothing to start on its disk", () => withoutLoader(stage)];
  yield ["a controller that falls silent in the middle, and comes back", () => silent(stage)];
});

type Hints = Readonly<Record<string, string>>;

async function refused(
  stage: Stage,
  name: string,
  disks: readonly DiskOptions[],
  rootDeviceHints: Hints,
  code: string,
) {
  const server = await stage.lab.server({ name, disks });
  try {
    await enrol(stage.site, server, { rootDeviceHints });
    const words = await failureOf(install(stage.site, server), code);
    check(!(await server.isOn()), "it was left on");
    await leave(stage, server);
    return words;
  } finally {
    await server.stop();
  }
}

async function installed(stage: Stage, name: string, disks: readonly DiskOptions[], rootDeviceHints: Hints) {
  const server = await stage.lab.server({ name, disks });
  try {
    await enrol(stage.site, server, { rootDeviceHints });
    const state = await install(stage.site, server);
    const banner = await readBanner(String(state["address"]), "10 seconds");
    await leave(stage, server);
    return `${banner} from ${state["rootDevice"]}`;
  } finally {
    await server.stop();
  }
}

/** The whole-disk image, with nothing in its EFI system partition that a firmware would start (tools/images/whole.ts). */
async function withoutLoader({ lab, site, images }: Stage) {
  const raw = `${images.whole.disk.path}.bare`;
  const server = await lab.server({ name: "bare", firmware: "uefi" });
  try {
    await execa("qemu-img", ["convert", "-O", "raw", images.whole.disk.path, raw]);
    const env = { MTOOLS_SKIP_CHECK: "1" };
    await execa("mdeltree", ["-i", `${raw}@@${2 ** 20}`, "::/EFI/BOOT"], { env });
    await enrol(site, server, { bootMode: "uefi" });
    await site.declare("images", "bare", { source: raw });
    const words = await failureOf(install(site, server, { image: "bare" }), "DEPLOY_NETWORK_AGAIN");
    check(/it fetched grub\/.*EFI\/BOOT\/BOOTX64\.EFI/s.test(words), `it does not say what lacks: ${words}`);
    check(await server.isOn(), "it was switched off");
    await site.remove("instances", nameOn(server));
    return words;
  } finally {
    await server.stop();
    await rm(raw, { force: true });
  }
}

async function silent(stage: Stage) {
  const server = await stage.lab.paper({ name: "silent" });
  try {
    await enrol(stage.site, server);
    const outcome = install(
      stage.site,
      server,
      {},
      {
        onProgress: ({ stage: at }) => at === "verifying" && void server.fault("silent"),
      },
    );
    const words = await outcome.then(
      () => "",
      (error: Error) => error.message,
    );
    check(/\[(POWER_|LIMIT_)/.test(words), `it did not fail by its controller: ${words}`);
    check((await bootFilesOf(stage.site)).length === 0, "it would boot into the writer again");
    await server.fault("none");
    const state = await install(stage.site, server);
    check(state["provisionState"] === "active", `it is ${state["provisionState"]}`);
    await leave(stage, server);
    return words;
  } finally {
    await server.stop();
  }
}

/** Remove what was installed or tried; nothing may stay. */
async function leave({ site }: Stage, server: LabServer): Promise<void> {
  await site.remove("instances", nameOn(server));
  check(!(await server.isOn()), "it is still on after its removal");
  const files = await bootFilesOf(site);
  check(files.length === 0, `boot files are left: ${files.join(", ")}`);
}
