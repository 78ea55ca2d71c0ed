import { readFile, rm } from "node:fs/promises";
import type { LabServer } from "../../lab/lab/index.ts";
import { startNetboot } from "../../lab/netboot.ts";
import { ipmi } from "../../lab/programs.ts";
import { bootFilesOf, commandsTo, declareSystems, enrol, install, menuOf, nameOn } from "../../lab/site.ts";
import { putInto } from "../lib/disk.ts";
import { bannerOf, failedBy, lines, preview, up } from "../lib/says.ts";
import { check, failureOf, type Stage } from "../lib/story.ts";
import { declareFlavor, declareSystem, kept, leave, proveKept, releaseTwo } from "./reinstall.ts";

/** Systems that run, of which this site has no record, or none any more. */

/** Which process the machine is: another one after each power-on. */
const pidOf = async ({ serialLog }: LabServer) =>
  (await readFile(serialLog.replace(/serial\.log$/, "pid"), "utf8")).trim();

/** Start a server by hand with a system of somebody else, on a network whose DHCP is somebody else's. */
async function runByHand({ lab, images }: Stage, name: string): Promise<LabServer> {
  const content = images.whole.disk.path;
  const server = await lab.server({ name, disks: [{ size: "4 GiB", content }] });
  const { mac, address } = server;
  const { kernel, ramdisk } = images.partition;
  const entry = { name, mac, address, kernel: kernel.path, ramdisk: ramdisk.path, args: [] };
  const theirs = await startNetboot(lab, [entry]);
  await ipmi(server, "chassis", "bootdev", "disk");
  await ipmi(server, "power", "on");
  await server.waitConsole(`${images.whole.name} answers at ${address}`);
  await theirs.stop();
  return server;
}

/** A server that somebody else installed is taken over as it runs. */
export async function adopted(stage: Stage): Promise<string> {
  // Its DHCP server would be a second one on this network.
  stage.site = await stage.site.reopen();
  const server = await runByHand(stage, "adopted");
  const { site, images } = stage;
  try {
    const args = { adopt: true };
    const [pid, calls] = [await pidOf(server), (await commandsTo(server)).length];
    await enrol(site, server, { card: false });
    await site.declare("interfaces", `${server.name}-eth0`, {
      node: server.name,
      mac: server.mac,
      address: server.address,
    });
    const without = await preview(site, server);
    const off = await failureOf(install(site, server, { ...args, power: "off" }), "INSTANCE_ADOPT_POWER");
    const announced = await preview(site, server, args);
    const done = await up(site, server, args);
    const state = site.remembered("instances", nameOn(server));
    const again = await preview(site, server, args);
    const sameUp = await up(site, server, args);
    const seen = await site.observe("instances", nameOn(server));
    const starts = (await server.console()).match(new RegExp(`system: ${images.whole.name} up`, "g"))?.length;
    check(
      (await commandsTo(server)).length === calls,
      `its controller was given ${(await commandsTo(server)).slice(calls)}`,
    );
    check((await pidOf(server)) === pid && starts === 1, `it was started ${starts} times`);
    check((await bootFilesOf(site)).length === 0, "boot files were laid");

    const changed = { ...args, image: "partition" };
    const refused = await preview(site, server, changed);
    const hasty = { ...changed, allowReinstall: refused.token, timeouts: { callback: "1 second" } };
    const late = await failedBy(install(site, server, hasty));
    const undone = await preview(site, server, args);
    const restored = await up(site, server, args);
    await server.waitConsole(`system: ${images.whole.name} up`);
    const fresh = await preview(site, server, changed);
    const replaced = await up(site, server, { ...changed, allowReinstall: fresh.token });
    const banner = await bannerOf(site, server);
    check(banner.includes(images.partition.banner), `it says ${banner}`);
    return lines(
      ["without adopt, preview", without.text],
      ["adopt, declared off; up", off],
      ["adopt, preview", announced.text],
      ["up", done],
      ["what is told then", shown(state)],
      ["asked again, preview and up", `${again.text}\n${sameUp}`],
      ["refresh", shown(seen)],
      ["its console", `started ${starts} time, as process ${pid} from first to last`],
      ["another image, preview", refused.text],
      ["with its token, and one second for the ramdisk", late],
      ["the earlier image again, preview and up", `${undone.text}\n${restored}`],
      ["another image with its token, up", `${replaced}\n${banner}`],
    );
  } finally {
    await leave(stage, server);
  }
}

const shown = (state: Readonly<Record<string, unknown>> | undefined) =>
  ["provisionState", "power", "powerState", "address", "installedDigest", "drift"]
    .map((key) => `${key} ${JSON.stringify(state?.[key])}`)
    .join(", ");

/** Everything that the site remembers is deleted: the servers run on, are enrolled again, and start again. */
export async function lost(stage: Stage): Promise<string> {
  const { lab, images } = stage;
  const server = await lab.server({ name: "lost" });
  const log = () =>
    stage.site.log.flatMap((line) => {
      const { level, text, resource = "" } = JSON.parse(line) as Readonly<Record<string, string>>;
      return level === "warn" && resource.includes("lost") ? [`${resource}: ${text}`] : [];
    });
  try {
    await declareFlavor(stage.site);
    await declareSystem(stage.site, images);
    await enrol(stage.site, server);
    await up(stage.site, server, { ...kept, power: "off" });
    const data = await putInto(server, 256, "data", "kept in spite of all\n");
    const installed = await up(stage.site, server, kept);
    const before = {
      state: stage.site.remembered("instances", nameOn(server)),
      menu: await menuOf(stage.site, server),
    };
    const calls = (await commandsTo(server)).length;

    stage.site = await stage.site.reopen(() => rm(stage.site.stateDir, { recursive: true }));
    const { site } = stage;
    for (const [collection, name] of [
      ["nodes", server.name],
      ["interfaces", `${server.name}-eth0`],
      ["instances", nameOn(server)],
    ] as const)
      await site.observe(collection, name);
    const warnings = log();
    const deleted = await failureOf(site.remove("instances", nameOn(server)), "SITE_LOST_RECORD");
    await declareAll(stage, server);
    const announced = await preview(site, server, kept);
    check(announced.effect === "enrol", `it is ${announced.effect}: ${announced.text}`);
    const two = { ...kept, allowReinstall: true };
    await declareSystem(site, await releaseTwo());
    const both = await preview(site, server, two);
    await declareSystem(site, images);
    const done = await up(site, server, kept);
    const state = site.remembered("instances", nameOn(server));
    check((await commandsTo(server)).length === calls, "its controller was given a command");
    check(
      state?.["address"] === before.state?.["address"],
      `its address was ${before.state?.["address"]} and is ${state?.["address"]}`,
    );
    check((await menuOf(site, server)).includes("default boot"), `its menu is ${await menuOf(site, server)}`);
    const again = await preview(site, server, kept);
    const seen = await site.observe("instances", nameOn(server));
    await server.pull();
    await site.observe("instances", nameOn(server));
    const booted = await up(site, server, kept);
    const banner = await bannerOf(site, server);
    check(banner.includes(images.partition.banner), `it says ${banner}`);

    await declareSystem(site, await releaseTwo());
    const refused = await preview(site, server, kept);
    const allowed = { ...kept, allowReinstall: refused.token };
    const replaced = await up(site, server, allowed);
    const proof = await proveKept(site, server, data, allowed);
    return lines(
      ["install", installed],
      ["store, TFTP tree and DHCP entries are deleted; refresh", warnings.join("\n")],
      ["delete", deleted],
      ["preview", announced.text],
      ["preview with another image at once", both.text],
      ["up", done],
      ["what is told then", shown(state)],
      ["preview and refresh", `${again.text}\n${shown(seen)}`],
      ["the plug is pulled; up", `${booted}\n${banner}`],
      ["release 2, preview", refused.text],
      ["with its token, up", replaced],
      ["what was kept", proof],
    );
  } finally {
    await leave(stage, server);
  }
}

/** All but the instance, as the first resources of an update. */
async function declareAll({ site, images }: Stage, server: LabServer): Promise<void> {
  await declareSystems(site, images);
  await declareFlavor(site);
  await declareSystem(site, images);
  await enrol(site, server);
}
