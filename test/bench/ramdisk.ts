import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { newContext } from "../../provider/kernel/context.ts";
import { showBytes } from "../../provider/kernel/units.ts";
import { buildRamdisk, type RamdiskOptions } from "../../provider/services/ramdisk/build.ts";
import { buildTestImages, imageCache } from "../../tools/images/index.ts";
import { type LabServer, openLab } from "../lab/lab/index.ts";
import { startNetboot } from "../lab/netboot.ts";
import { ipmi } from "../lab/programs.ts";
import { declareSystems, enrol, install, nameOn, openSite } from "../lab/site.ts";
import { Samples, table, timed } from "./lib/figures.ts";

/**
 * From power-on to the ramdisk's call, by BIOS and by UEFI with Secure Boot, against the bare chain in the same run: the
 * same firmware, loaders and kernel, served by dnsmasq alone, until the first line of a ramdisk that does nothing. And how
 * large the ramdisks are. Inside the lab: `npm run bench -- ramdisk [--rounds 2]`.
 */

const { values } = parseArgs({ options: { rounds: { type: "string", default: "2" } } });
const rounds = Number(values.rounds);
const firmwares = ["bios", "uefi"] as const;
type Firmware = (typeof firmwares)[number];
const samples = new Samples();

const images = await buildTestImages(imageCache());
const folder = await mkdtemp(join(tmpdir(), "bench-ramdisk-"));
const lab = await openLab({ dir: join(folder, "lab") });
const serverOf = (name: string, firmware: Firmware) =>
  lab.server({ name, firmware, secureBoot: firmware === "uefi" });

/** Until the first line of a ramdisk that has not loaded a driver yet. */
async function bareChain(server: LabServer, firmware: Firmware): Promise<void> {
  const { name, mac, address } = server;
  const { kernel, ramdisk } = images.partition;
  const args = ["console=ttyS0", "no_timer_check", "root=none"];
  const entry = { name, mac, address, kernel: kernel.path, ramdisk: ramdisk.path, args };
  const netboot = await startNetboot(lab, [entry]);
  await ipmi(server, "chassis", "bootdev", "pxe");
  const seconds = await timed(async () => {
    await ipmi(server, "power", "on");
    await server.waitConsole("system: initramfs up", "180 seconds");
  });
  samples.add(`${firmware}, bare chain`, seconds);
  await netboot.stop();
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
    return [firmware, `${bare.toFixed(1)} s`, `${ours.toFixed(1)} s`, (ours / bare).toFixed(2)];
  });
  console.log(table([["power-on to", "bare ramdisk", "our call", "ratio"], ...rows]));
  const cacheDir = join(imageCache(), "../ramdisk");
  const lab64: RamdiskOptions = { flavour: "lab", arch: "x86_64", cacheDir };
  const built = await buildRamdisk(newContext(), lab64);
  const sizes = [
    ["the lab's deploy ramdisk", (await stat(built.ramdisk)).size],
    ["the bare one", images.partition.ramdisk.size],
    ["the kernel of both", images.partition.kernel.size],
  ] as const;
  for (const [what, size] of sizes) console.log(`${what}: ${showBytes(size)}`);
} finally {
  await lab.close();
  await rm(folder, { recursive: true, force: true });
}
