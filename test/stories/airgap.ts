import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { buildTestImages, imageCache } from "../../tools/images/index.ts";
import { openLab, readBanner } from "../lab/lab/index.ts";
import { declareSystems, enrol, install, openSite } from "../lab/site.ts";
import { check } from "./lib/story.ts";

// A boot host in a network that leads nowhere, with an empty home: installed from a bundle, it looks at itself, starts its
// helper, and a server is installed with the ramdisk that the bundle brought. `npm run story -- airgap`; a minute.

const folder = await mkdtemp(join(tmpdir(), "story-airgap-"));
const [bundle, home] = [join(folder, "boothost.tar"), join(folder, "home")];
const here = fileURLToPath(new URL("../../dist/provider/main.js", import.meta.url));
let [told, failed] = [0, 0];
const step = async (title: string, body: () => Promise<string>) => {
  told += 1;
  const said = await body().catch((error: Error) => {
    failed += 1;
    return `FAILED ${error.stack ?? error.message}`;
  });
  console.log(`${title}\n    ${said.trim().replaceAll("\n", "\n    ")}`);
};
const env = { HOME: home, XDG_CACHE_HOME: "", XDG_STATE_HOME: "", XDG_CONFIG_HOME: "" };
const run = async (main: string, words: readonly string[], more: object = {}) =>
  (await execa(process.execPath, [main, ...words], { all: true, ...more })).all;
const installed = join(folder, "unpacked", "node_modules", "pulumi-baremetal", "dist", "provider", "main.js");
const own = join(home, ".local/share/pulumi-baremetal/node_modules/pulumi-baremetal/dist/provider/main.js");
const cacheDir = join(home, ".cache", "pulumi-baremetal");

const images = await buildTestImages(imageCache());
const lab = await openLab({ dir: join(folder, "lab") });
try {
  await step("a bundle is made, twice the same", async () => {
    const words = ["bundle", "create", "--flavour", "lab", "--no-extras", "--json"];
    const made = async (file: string) =>
      JSON.parse((await execa(process.execPath, [here, ...words, file])).stdout) as Record<string, unknown>;
    const [first, second] = [await made(bundle), await made(join(folder, "again.tar"))];
    check(first["sha256"] === second["sha256"], "the bytes differ");
    return JSON.stringify(first);
  });
  await step("it installs itself where nothing is", async () => {
    await execa("mkdir", ["-p", home, join(folder, "unpacked")]);
    await execa("tar", ["-xf", bundle, "-C", join(folder, "unpacked"), "node_modules"]);
    const said = await run(installed, ["bundle", "install", bundle], { env });
    await rm(join(folder, "unpacked"), { recursive: true });
    return said;
  });
  await step("the host looks at itself", async () => {
    const said = await run(own, ["doctor"], { env, reject: false });
    check(/dnsmasq/.test(said), said);
    return said.split("\n").slice(0, 6).join("\n");
  });
  await step("its ramdisk is there", async () => {
    const said = await run(own, ["ramdisk", "show", "--flavour", "lab"], { env });
    check(said.includes(join(cacheDir, "ramdisk")), said);
    return said.split("\n").slice(0, 3).join("\n");
  });
  await step("its helper starts", async () => {
    const site = JSON.stringify({ stateDir: join(home, "state"), idle: "1 second" });
    return run(own, ["nodes", "list", "--site", site], { env });
  });
  await step("a server is installed with it", async () => {
    const site = await openSite(lab, join(folder, "state"), { cacheDir });
    try {
      await declareSystems(site, images);
      const server = await lab.paper({ name: "apart" });
      await enrol(site, server);
      const { address } = await install(site, server);
      return `${await readBanner(String(address), "10 seconds")} at ${address}`;
    } finally {
      await site.close();
    }
  });
} finally {
  await lab.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 10 });
}
console.log(`${told} told, ${failed} failed`);
if (failed > 0) process.exitCode = 1;
