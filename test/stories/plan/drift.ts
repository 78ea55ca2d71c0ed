import { appendFile, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { LabServer } from "../../lab/lab/index.ts";
import { bootFilesOf, enrol, install, menuOf, nameOn, type TestSite } from "../../lab/site.ts";
import { bannerOf, lines, preview, switchingNothing, up } from "../lib/says.ts";
import { check, type Stage } from "../lib/story.ts";
import { leave } from "./reinstall.ts";

const args = { image: "partition" };

/** What a refresh shows of a server's instance. */
async function refreshed(site: TestSite, server: LabServer): Promise<string> {
  const state = await site.observe("instances", nameOn(server));
  const { power, powerState, reachable, drift } = state ?? {};
  const found = (drift as readonly string[]).map((one) => `drift: ${one}`);
  return [`power ${power}, powerState ${powerState}, reachable ${reachable}`, ...found].join("\n");
}

/** Power that somebody took is seen, and given back. */
export async function pulled(stage: Stage): Promise<string> {
  const { site, lab, images } = stage;
  const server = await lab.server({ name: "pulled" });
  try {
    await enrol(site, server);
    const installed = await up(site, server, args);
    await server.pull();
    const seen = await switchingNothing(server, () => refreshed(site, server));
    const announced = await preview(site, server, args);
    check(announced.effect === "power", `it is ${announced.effect}`);
    const done = await up(site, server, args);
    const banner = await bannerOf(site, server);
    check(banner.includes(images.partition.banner), `it says ${banner}`);
    await server.fault("silent");
    const silent = await refreshed(site, server);
    const still = await preview(site, server, args);
    await server.fault("none");
    const back = await refreshed(site, server);
    return lines(
      ["install", installed],
      ["the plug is pulled; refresh", seen],
      ["preview", announced.text],
      ["up", done],
      ["what runs", banner],
      ["the controller falls silent; refresh", silent],
      ["preview", still.text],
      ["it comes back; refresh", back],
    );
  } finally {
    await leave(stage, server);
  }
}

/** Files that somebody changed or removed are seen and laid again, and the server does not notice. */
export async function filesChanged(stage: Stage): Promise<string> {
  const { site, lab, images } = stage;
  const server = await lab.server({ name: "files" });
  const dashed = server.mac.replaceAll(":", "-");
  const menu = join(site.tftpRoot, `pxelinux.cfg/01-${dashed}`);
  const host = join(site.stateDir, "hosts", dashed);
  const told: [string, string][] = [];
  try {
    await enrol(site, server);
    await install(site, server, args);
    const laid = {
      menu: await menuOf(site, server),
      host: await readFile(host, "utf8"),
      files: await bootFilesOf(site),
    };
    for (const [title, change] of [
      ["the boot menu is edited", () => appendFile(menu, "label rescue\n  localboot 0\n")],
      ["the DHCP entry is removed", () => rm(host)],
      ["both", async () => Promise.all([appendFile(menu, "timeout 100\n"), rm(host)])],
      ["the kernel is removed", () => rm(join(site.tftpRoot, nameOn(server), "kernel"))],
      ["the whole TFTP tree is removed", () => rm(site.tftpRoot, { recursive: true })],
    ] as const) {
      await change();
      const seen = await switchingNothing(server, () => refreshed(site, server));
      check(seen.includes("drift: "), `${title}: not seen: ${seen}`);
      const announced = await preview(site, server, args);
      const done = await switchingNothing(server, () => up(site, server, args));
      const after = await refreshed(site, server);
      check(!after.includes("drift: "), `${title}: not mended: ${after}`);
      check((await preview(site, server, args)).effect === "none", `${title}: still something to do`);
      told.push([`${title}; refresh`, seen], ["preview", announced.text], ["up", done]);
      const now = {
        menu: await menuOf(site, server),
        host: await readFile(host, "utf8"),
        files: await bootFilesOf(site),
      };
      check(
        JSON.stringify(now) === JSON.stringify(laid),
        `${title}: not as it was: ${JSON.stringify([laid, now])}`,
      );
    }
    await server.pull();
    await refreshed(site, server);
    const done = await up(site, server, args);
    const banner = await bannerOf(site, server);
    check(banner.includes(images.partition.banner), `it says ${banner}`);
    return lines(...told, ["the plug is pulled; up", `${done}\n${banner}`]);
  } finally {
    await leave(stage, server);
  }
}
