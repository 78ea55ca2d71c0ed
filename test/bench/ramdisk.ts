import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { newContext } from "../../provider/kernel/context.ts";
import { showBytes } from "../../provider/kernel/units.ts";
import { buildRamdisk } from "../../provider/services/ramdisk/build.ts";
import { buildTestImages, imageCache } from "../../tools/images/index.ts";
import { type LabServer, openLab } from "../lab/lab/index.ts";
import { startNetboot } from "../lab/netboot.ts";
import { ipmi } from "../lab/programs.ts";
import { declareSystems, enrol, install, nameOn, openSite } from "../lab/site.ts";
import { hearBare, makeBareRamdisk } from "./lib/bare.ts";
import { asRatio, Samples, table, timed, verdict } from "./lib/figures.ts";

/**
 * From power-on to the ramdisk's call, by BIOS and by UEFI with Secure Boot, against the bare chain in the same run: the
 * same firmware, loaders, kernel and drivers, served by dnsmasq alone, until the call of a ramdisk that does the least. And
 * how large the ramdisks are. Inside the lab: `npm run bench -- ramdisk [--rounds 2]`.
 */

const { values } = parseArgs({ options: { rounds: { type: "string", default: "2" } } });
const rounds = Number(values.rounds);
const firmwares = ["bios", "uefi"] as const;
type Firmware = (typeof firmwares)[number];
const samples = new Samples();

const images = await buildTestImages(imageCache());
const folder = await mkdtemp(join(tmpdir(), "bench-ramdisk-"));
const lab = await openLab({ dir: join(folder, "lab") });
const cacheDir = join(imageCache(), "../ramdisk");
const built = await buildRamdisk(newContext(), { flavour: "lab", arch: "x86_64", cacheDir });
const bareRamdisk = await makeBareRamdisk(built, join(folder, "bare"));
const serverOf = (name: string, firmware: Firmware) =>
  lab.server({ name, firmware, secureBoot: firmware === "uefi" });

/** Until the call of a ramdisk that does the least. */
async function bareChain(server: LabServer, firmware: Firmware): Promise<void> {
  const { name, mac, address } = server;
  const args = ["console=ttyS0", `deploy_server=${lab.address}`];
  // GRUB says nothing of the card; pxelinux would say it by itself.
  const card = `BOOTIF=01-${mac.replaceAll(":", "-")}`;
  const entry = { name, mac, address, kernel: built.kernel, ramdisk: bareRamdisk, args: [...args, card] };
  const [netboot, ear] = [await startNetboot(lab, [entry]), await hearBare(lab.address)];
  await ipmi(server, "chassis", "bootdev", "pxe");
  const seconds = await timed(async () => {
    await ipmi(server, "power", "on");
    await withLimit(ear.called, server);
  });
  samples.add(`${firmware}, bare chain`, seconds);
  await ear.close();
  await netboot.stop();
}

async function withLimit(called: Promise<void>, server: LabServer): Promise<void> {
  const end = new AbortController();
  const late = pause(180_000, undefined, { signal: end.signal }).then(async () => {
    throw new Error(
      `the bare ramdisk did not call within 3 minutes; its console:\n${await server.console()}`,
    );
  });
  await Promise.race([called, late]).finally(() => end.abort());
}

interface Entry {
  readonly step: string;
  readonly start: string;
  readonly seconds: number;
}

async function ourChain(server: LabServer, firmware: Firmware): Promise<void> {
  const limits = { power: "10 seconds", callback: "180 seconds", answer: "180 seconds" } as const;
  const site = await openSite(lab, join(folder, `state-${server.name}`), { limits });
  try {
    await declareSystems(site, images);
    await enrol(site, server, { bootMode: firmware });
    const state = await install(site, server, { waitFor: "written" });
    const timeline = state["timeline"] as readonly Entry[];
    const of = (name: string) => timeline.find(({ step }) => step === name);
    const [from, to] = [of("power on"), of("call-back")];
    if (!from || !to) throw new Error("the deployment does not tell its steps");
    const took = (Date.parse(to.start) - Date.parse(from.start)) / 1_000 + to.seconds;
    samples.add(`${firmware}, to its call`, took);
    await site.remove("instances", nameOn(server));
  } finally {
    await site.close();
  }
}

try {
  for (let round = 0; round < rounds; round += 1) {
    for (const firmware of firmwares) {
      for (const [what, chain] of [
        ["bare", bareChain],
        ["ours", ourChain],
      ] as const) {
        const server = await serverOf(`${what}-${firmware}-${round}`, firmware);
        await chain(server, firmware);
        await server.stop();
      }
    }
  }
  const rows = firmwares.map((firmware) => {
    const [bare, ours] = [
      samples.median(`${firmware}, bare chain`),
      samples.median(`${firmware}, to its call`),
    ];
    return [firmware, `${bare.toFixed(1)} s`, `${ours.toFixed(1)} s`, asRatio(ours / bare)];
  });
  console.log(table([["power-on to", "bare call", "our call", "ratio"], ...rows]));
  for (const firmware of firmwares) {
    const ratio = samples.median(`${firmware}, to its call`) / samples.median(`${firmware}, bare chain`);
    console.log(verdict(`${firmware}, power-on to the call`, asRatio(ratio), "at most 1.20 x", ratio <= 1.2));
  }
  const sizes = [
    ["the lab's deploy ramdisk", (await stat(built.ramdisk)).size],
    ["the bare one", (await stat(bareRamdisk)).size],
    ["the kernel of both", (await stat(built.kernel)).size],
  ] as const;
  for (const [what, size] of sizes) console.log(`${what}: ${showBytes(size)}`);
} finally {
  await lab.close();
  await rm(folder, { recursive: true, force: true });
}
