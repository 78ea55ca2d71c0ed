import { createReadStream } from "node:fs";
import { copyFile, mkdtemp, open, readFile, rm, stat } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { newContext } from "../../provider/kernel/context.ts";
import { showBytes } from "../../provider/kernel/units.ts";
import { buildRamdisk } from "../../provider/services/ramdisk/build.ts";
import { imageCache } from "../../tools/images/index.ts";
import { openLab } from "../lab/lab/index.ts";
import { type Netboot, startNetboot } from "../lab/netboot.ts";
import { ipmi } from "../lab/programs.ts";
import { asRatio, Samples, table, turned } from "./lib/figures.ts";

/**
 * How long kernel and ramdisk are on their way, by TFTP and by HTTP, from the menu's arrival to the ramdisk's last byte, in the
 * same run; with the lab's own ramdisk and with a large one. To pxelinux (BIOS; by HTTP its sister lpxelinux), and by TFTP alone
 * to GRUB behind shim (UEFI): Debian's signed GRUB has no HTTP in it, and with the module beside it, and Secure Boot off, it does
 * not go on either. Inside the lab: `npm run bench -- transport [--rounds 1] [--large 40] [WORD…]`; `--large` is MB, a WORD picks
 * cases: `bios`.
 */

const { values, positionals: words } = parseArgs({
  options: { rounds: { type: "string", default: "1" }, large: { type: "string", default: "40" } },
  allowPositionals: true,
});
const rounds = Number(values.rounds);
const large = Number(values.large) * 1e6;
const samples = new Samples();

const folder = await mkdtemp(join(tmpdir(), "bench-transport-"));
const lab = await openLab({ dir: join(folder, "lab") });
const cacheDir = join(imageCache(), "../ramdisk");
const built = await buildRamdisk(newContext(), { flavour: "lab", arch: "x86_64", cacheDir });
const ramdisks = [
  ["ours", built.ramdisk],
  [`${values.large} MB`, await padded(built.ramdisk)],
] as const;

/** Zeros behind an archive mean nothing to the kernel, and cost it nothing. */
async function padded(ramdisk: string): Promise<string> {
  const path = join(folder, "padded");
  await copyFile(ramdisk, path);
  const file = await open(path, "r+");
  await file.truncate(large);
  await file.close();
  return path;
}

/** When a file went out for the last time, by its name. */
const served = new Map<string, number>();

async function serve({ root }: Netboot): Promise<Server> {
  const server = createServer(async ({ url = "/" }, response) => {
    const name = basename(url);
    const { size } = await stat(join(root, name));
    response.writeHead(200, { "content-length": size });
    response.on("finish", () => served.set(name, Date.now()));
    createReadStream(join(root, name)).pipe(response);
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(80, lab.address, resolve));
  return server;
}

/** Wait until dnsmasq has said that it sent a file whose path ends so. */
async function sent({ log }: Netboot, ending: string): Promise<number> {
  for (const end = Date.now() + 600_000; Date.now() < end; await pause(20)) {
    const lines = (await readFile(log, "utf8")).split("\n");
    if (lines.some((line) => line.includes(" sent ") && line.includes(`${ending} to `))) return Date.now();
  }
  throw new Error(`${ending} was not sent within ten minutes: ${await readFile(log, "utf8")}`);
}

async function finished(name: string): Promise<number> {
  for (const end = Date.now() + 600_000; Date.now() < end; await pause(20)) {
    const at = served.get(name);
    if (at !== undefined) return at;
  }
  throw new Error(`${name} was not fetched within ten minutes`);
}

interface Case {
  readonly firmware: "bios" | "uefi";
  readonly http: boolean;
  readonly size: string;
  readonly ramdisk: string;
}

async function transfer({ firmware, http, size, ramdisk }: Case, round: number): Promise<void> {
  const name = `${firmware}-${http ? "http" : "tftp"}-${size === "ours" ? "s" : "l"}${round}`;
  const server = await lab.server({ name, firmware, memory: "1 GiB" });
  const args = ["console=ttyS0", "no_timer_check"];
  const { mac, address } = server;
  const netboot = await startNetboot(lab, [
    { name, mac, address, kernel: built.kernel, ramdisk, args, http },
  ]);
  const web = await serve(netboot);
  try {
    await ipmi(server, "chassis", "bootdev", "pxe");
    await ipmi(server, "power", "on");
    const menu = firmware === "bios" ? `01-${mac.replaceAll(":", "-")}` : `grub/${mac}`;
    const begun = await sent(netboot, menu);
    const ended = await (http ? finished(`${name}-ramdisk`) : sent(netboot, `${name}-ramdisk`));
    samples.add(`${firmware} ${size} ${http}`, (ended - begun) / 1000);
    console.log(`${name}: ${((ended - begun) / 1000).toFixed(1)} s`);
    // It has to arrive, not only to be sent.
    await server.waitConsole("BAREMETAL up", "300 seconds");
  } finally {
    await server.stop();
    web.closeAllConnections();
    await new Promise((resolve) => web.close(resolve));
    await netboot.stop();
  }
}

const firmwares = (["bios", "uefi"] as const).filter((one) => words.length === 0 || words.includes(one));
const cases = firmwares.flatMap((firmware) =>
  ramdisks.flatMap(([size, ramdisk]) =>
    (firmware === "bios" ? [false, true] : [false]).map((http) => ({ firmware, size, ramdisk, http })),
  ),
);
try {
  for (let round = 0; round < rounds; round += 1) {
    for (const one of turned(cases, round)) await transfer(one, round);
  }
  const rows = firmwares.flatMap((firmware) =>
    ramdisks.map(([size]) => {
      const tftp = samples.median(`${firmware} ${size} false`);
      const row = [`${firmware}, ${size}`, `${tftp.toFixed(1)} s`];
      if (firmware === "uefi") return [...row, "-", "-"];
      const http = samples.median(`${firmware} ${size} true`);
      return [...row, `${http.toFixed(1)} s`, asRatio(tftp / http)];
    }),
  );
  console.log(table([["kernel and ramdisk", "TFTP", "HTTP", "TFTP/HTTP"], ...rows]));
  const sizes = [built.kernel, built.ramdisk].map(async (path) => showBytes((await stat(path)).size));
  console.log(`kernel ${(await Promise.all(sizes)).join(", our ramdisk ")}`);
} finally {
  await lab.close();
  await rm(folder, { recursive: true, force: true });
}
