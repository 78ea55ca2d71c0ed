import { mkdtemp, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { newContext } from "../../provider/kernel/context.ts";
import { toBytes } from "../../provider/kernel/units.ts";
import { lean, version } from "../../provider/launch.ts";
import { connectEmbedded } from "../../provider/site/embedded.ts";
import { SiteSettings } from "../../provider/site/settings.ts";
import { buildTestImages, imageCache } from "../../tools/images/index.ts";
import { startUdpWire } from "../lab/faults/udp.ts";
import { startWire } from "../lab/faults/wire.ts";
import { openLab, type PaperServer } from "../lab/lab/index.ts";
import { speakTo } from "./lib/declaring.ts";
import { meanwhile, medianOf } from "./lib/memory.ts";
import { check } from "./lib/story.ts";

// Many deployments by a helper of its own process, a twentieth of the packets to controllers, of DHCP and of TFTP lost: how
// many succeed at the first attempt, and what the helper's memory does. `npm run story -- many [500] [SERVERS] [LOST]`
const count = Number(process.argv[2] ?? 500);
// A deployment takes a minute in which next to nothing is done: ipmitool waits two seconds for each packet that was lost.
const servers = Number(process.argv[3] ?? 16);
const lose = Number(process.argv[4] ?? 0.05);
// Promised are 120.
const most = 110;

const folder = await mkdtemp(join(tmpdir(), "many-"));
const images = await buildTestImages(imageCache());
const lab = await openLab({ dir: join(folder, "lab") });
const settings = SiteSettings.parse({
  ...{ stateDir: join(folder, "state"), cacheDir: dirname(imageCache()), interface: lab.interface },
  ...{ ramdisk: "lab", pxeAppendParams: "console=ttyS0", maxFailures: count, maxErase: count },
  limits: { power: "3 minutes", callback: "3 minutes", answer: "3 minutes", soft: "5 seconds" },
  manners: { gap: "20 ms", gapAfterError: "100 ms", rest: "100 ms", poll: "100 ms", stagger: "1 ms" },
});
const main = fileURLToPath(new URL("../../dist/provider/main.js", import.meta.url));
const launch = { file: process.execPath, args: [...lean, main, "helper"], version: version() };
const site = await connectEmbedded(newContext(), settings, launch);
const { pid } = await site.about(newContext());
const atRest = async () => medianOf(await meanwhile(pid, () => setTimeout(10_000)));
const fresh = await atRest();
const speaker = speakTo(site);
const stops: (() => unknown)[] = [];
const failures = new Map<string, number>();
let [begun, first, again] = [0, 0, 0];

/** A server behind bad wires. */
async function serverFor(n: number): Promise<PaperServer> {
  const server = await lab.paper({ name: `s${n}` });
  const controller = await startUdpWire(server.bmc.port, { seed: n, weather: { lose } });
  const cable = await startWire(server, {
    seed: n,
    rules: [
      { of: "dhcp", lose },
      { of: "tftp", lose },
    ],
  });
  stops.push(controller.stop, cable.stop);
  const power = { driver: "ipmi", ...server.bmc, port: controller.port };
  const enrol = () =>
    speaker.declare("nodes", server.name, { cpus: 1, memory: "512 MiB", disk: "4 GiB", power });
  await enrol().catch(enrol);
  await speaker.declare("interfaces", `${server.name}-eth0`, { node: server.name, mac: server.mac });
  return server;
}

/** Install, and once more if that failed; release, and a blank disk for the next one. */
async function deployOn(server: PaperServer): Promise<void> {
  const name = `on-${server.name}`;
  const install = () =>
    speaker.declare("instances", name, {
      ...{ flavor: "small", image: "whole", node: server.name, hardReboot: true, wipe: true },
      ...{
        flavorDigest: speaker.digestOf("flavors", "small"),
        imageDigest: speaker.digestOf("images", "whole"),
      },
    });
  try {
    await install();
    first += 1;
  } catch (error) {
    const code = /\[([A-Z_]+)\]/.exec(String(error))?.[1] ?? String(error);
    failures.set(code, (failures.get(code) ?? 0) + 1);
    await install().then(
      () => {
        again += 1;
      },
      () => {},
    );
  }
  const remove = () => speaker.remove("instances", name);
  await remove().catch(remove);
  await server.pull();
  await truncate(server.diskPath(), 0);
  await truncate(server.diskPath(), toBytes("4 GiB"));
}

try {
  await speaker.declare("flavors", "small", {
    cpus: 1,
    memory: "256 MiB",
    rootDisk: "1 GiB",
    swap: "128 MiB",
  });
  const { path: source, checksum } = images.whole.disk;
  await speaker.declare("images", "whole", { source, checksum });
  const rack = await Promise.all(Array.from({ length: servers }, (_, n) => serverFor(n + 1)));
  const start = performance.now();
  const samples = await meanwhile(pid, async () => {
    const lane = async (server: PaperServer) => {
      while (begun < count) {
        begun += 1;
        await deployOn(server);
        if (begun % 50 === 0) console.log(`${begun} begun, ${first} active at the first attempt`);
      }
    };
    await Promise.all(rack.map(lane));
  });
  const seconds = (performance.now() - start) / 1000;
  const fifth = Math.max(1, Math.floor(samples.length / 5));
  const [early, late] = [medianOf(samples.slice(0, fifth)), medianOf(samples.slice(-fifth))];
  const idle = await atRest();
  const codes = [...failures].map(([code, times]) => `${code} ${times}`).join(", ") || "none";
  console.log(
    `${count} deployments in ${seconds.toFixed(0)} s, ${(seconds / count).toFixed(1)} s each, ${servers} at once`,
  );
  console.log(`${first} active at the first attempt, ${again} at the second; failures: ${codes}`);
  console.log(
    `helper: fresh ${fresh} MB, ${early} MB in the first fifth, ${late} MB in the last, ratio ${(late / early).toFixed(2)}; idle ${idle} MB`,
  );
  check(first + again === count, `${count - first - again} did not become active`);
  check(late <= early * 1.3, `its memory grows: ${early} MB, then ${late} MB`);
  check(idle < most, `idle it takes ${idle} MB, ${most} are allowed`);
  console.log(`${count} told, 0 failed`);
} finally {
  for (const stop of stops) await stop();
  process.kill(pid, "SIGTERM");
  await lab.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}
