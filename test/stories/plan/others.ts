import type { DiskOptions, LabServer } from "../../lab/lab/index.ts";
import { ipmi } from "../../lab/programs.ts";
import { commandsTo, enrol, install, nameOn } from "../../lab/site.ts";
import { digestOf } from "../lib/disk.ts";
import { bannerOf, lines, preview, switchingNothing, up } from "../lib/says.ts";
import { check, failureOf, type Stage } from "../lib/story.ts";
import { leave } from "./reinstall.ts";

/** Machines that are others than they should be, and such as somebody else uses. */

/** A reinstall that was allowed meets another machine: behind the same controller, then behind another one. */
export async function swapped(stage: Stage): Promise<string> {
  const { site, lab, images } = stage;
  const server = await lab.server({ name: "swapped" });
  const other = { image: "partition" };
  try {
    await enrol(site, server);
    const installed = await up(site, server);
    const { token } = await preview(site, server, other);
    const allowed = { ...other, allowReinstall: token };

    await server.swapBmc("OTHER-2", "99999999-9999-4999-8999-999999999999");
    const bmc = await switchingNothing(server, () =>
      failureOf(install(site, server, allowed), "POWER_OTHER_MACHINE"),
    );
    check(await server.isOn(), "it was switched off");
    const seen = (await site.observe("nodes", server.name))?.["drift"];
    const node = await site.plan("nodes", server.name, nodeArgs(server), { dryRun: true });
    await server.swapBmc(server.serial, server.uuid);
    const free = await site.observe("nodes", server.name);
    const told = site.remembered("instances", nameOn(server));
    const back = await preview(site, server);
    const backUp = await switchingNothing(server, () => up(site, server));

    await server.swapSerial("OTHER-1");
    const again = { ...other, allowReinstall: (await preview(site, server, other)).token };
    const serial = await failureOf(install(site, server, again), "DEPLOY_OTHER_MACHINE");
    check(!(await server.isOn()), "it was left on");
    const first = await digestOf(server);
    const retried = await failureOf(install(site, server, again), "DEPLOY_OTHER_MACHINE");
    check((await digestOf(server)) === first, "a byte was written");
    await server.swapSerial(server.serial);
    const announced = await preview(site, server);
    check(announced.effect === "restore", `it is ${announced.effect}`);
    const done = await up(site, server);
    const banner = await bannerOf(site, server);
    check(banner.includes(images.whole.banner), `it says ${banner}`);
    return lines(
      ["install", installed],
      ["another controller at its address, and a reinstall that was allowed", bmc],
      [
        "what is told then",
        `instance ${told?.["provisionState"]}, node ${free?.["provisionState"]}: ${free?.["lastError"]}`,
      ],
      ["refresh of the Node", String(seen)],
      [
        "preview of the Node",
        [...node.failures.map(({ reason }) => reason), ...node.warnings, ...node.changed].join("\n"),
      ],
      ["its own controller again, no reinstall; preview and up", `${back.text}\n${backUp}`],
      ["another machine behind its controller, and a reinstall that was allowed", serial],
      ["once more", retried],
      ["its own machine again, no reinstall; preview", announced.text],
      ["up", `${done}\n${banner}`],
    );
  } finally {
    await server.swapSerial(server.serial);
    await leave(stage, server);
  }
}

const nodeArgs = ({ bmc }: LabServer) => ({
  ...{ cpus: 1, memory: "512 MiB", disk: "4 GiB", power: { driver: "ipmi", ...bmc } },
});

/** A server that somebody uses is refused, whether it was so from the beginning or not. */
export async function running(stage: Stage): Promise<string> {
  const { site, lab } = stage;
  const server = await lab.server({ name: "running" });
  try {
    await enrol(site, server);
    await ipmi(server, "power", "on");
    const before = await commandsTo(server);
    const quiet = await preview(site, server);
    const words = await switchingNothing(server, () =>
      failureOf(install(site, server), "DEPLOY_RUNNING_SERVER"),
    );
    const state = site.remembered("instances", nameOn(server));
    const node = await site.observe("nodes", server.name);
    await site.remove("instances", nameOn(server));
    await site.remove("interfaces", `${server.name}-eth0`);
    await site.remove("nodes", server.name);
    await enrol(site, server);
    const refused = await preview(site, server);
    check(refused.text.includes("[INSTANCE_NO_NODE]"), refused.text);
    check((await commandsTo(server)).length === before.length, "its controller was given a command");
    check(await server.isOn(), "it was switched off");
    return lines(
      ["found off, then switched on by somebody; preview", quiet.text],
      ["up", words],
      [
        "what is told then",
        `instance ${state?.["provisionState"]}, node ${node?.["provisionState"]}, power ${node?.["powerState"]}`,
      ],
      ["found on; preview", refused.text],
    );
  } finally {
    await server.pull();
    await leave(stage, server);
  }
}

/** A disk that was pulled out of one server and put into another still holds the first one's instance. */
export async function moved(stage: Stage): Promise<string> {
  const { site, lab, images } = stage;
  const disk = { size: "4 GiB", serial: "WANDERER" } as const satisfies DiskOptions;
  const first = await lab.server({ name: "first", disks: [disk] });
  try {
    await enrol(site, first);
    await install(site, first);
    await first.pull();
    const before = await digestOf(first);
    const second = await lab.server({ name: "second", disks: [{ ...disk, content: first.diskPath() }] });
    try {
      await enrol(site, second);
      const plain = await failureOf(install(site, second), "DEPLOY_DISK_OF_OTHER");
      const wiping = await failureOf(install(site, second, { wipe: true }), "DEPLOY_DISK_OF_OTHER");
      check((await digestOf(second)) === before, "a byte was written");
      const node = await site.observe("nodes", second.name);
      await site.observe("instances", nameOn(first));
      const done = await up(site, first);
      const banner = await bannerOf(site, first);
      check(banner.includes(images.whole.banner), `it says ${banner}`);
      return lines(
        ["the disk of first, in second; up", plain],
        ["with wipe: true", wiping],
        [
          "what is told then",
          `node ${node?.["provisionState"]}: ${node?.["lastError"] || "no fault of its own"}`,
        ],
        ["back in first; up", `${done}\n${banner}`],
      );
    } finally {
      await leave(stage, second);
    }
  } finally {
    await leave(stage, first);
  }
}
