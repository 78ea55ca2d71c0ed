import { mkdir, readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import type { WriteTarget } from "../../../provider/drivers/write/driver.ts";
import { newContext } from "../../../provider/kernel/context.ts";
import { parseAnnouncement } from "../../../provider/services/callback/parse.ts";
import { buildRamdisk } from "../../../provider/services/ramdisk/build.ts";
import type { Lab } from "../../lab/lab/index.ts";
import { openMonitor } from "./monitor.ts";

/** A server in the deploy ramdisk, with its disk exported. */
export interface Target extends WriteTarget {
  /** Bytes from the start of the disk that the ramdisk found to be zero. */
  readonly provenZero: number;
  /** Put the whole machine, disk included, back to the moment at which it had announced. */
  readonly rewind: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export interface TargetOptions {
  readonly name: string;
  /** The last number of its address. */
  readonly number: number;
  readonly diskSize: number;
  /** How much of the disk the ramdisk is asked to prove zero. */
  readonly zeroBytes: number;
  /** How much of the start of the disk holds what an earlier owner left. */
  readonly used: number;
  /** Path of the ramdisk cache. */
  readonly cacheDir: string;
}

/** Boot the deploy ramdisk, kernel and all as the product builds it, on the lab's network; without firmware and PXE, which take their time. */
export async function startTarget(lab: Lab, options: TargetOptions): Promise<Target> {
  const { name, number, used } = options;
  const folder = join(lab.dir, name);
  await mkdir(folder, { recursive: true });
  const disk = join(folder, "disk.qcow2");
  await execa("qemu-img", ["create", "-q", "-f", "qcow2", disk, String(options.diskSize)]);
  if (used > 0) await execa("qemu-io", ["-f", "qcow2", "-t", "unsafe", ...fill(used), disk]);
  const address = lab.address.replace(/\d+$/, String(number));
  const tap = `t5254000000${number.toString(16).padStart(2, "0")}`;
  await execa("ip", ["tuntap", "add", tap, "mode", "tap"]);
  await execa("ip", ["link", "set", tap, "master", lab.interface, "up"]);
  const announced = await hear(lab.address);
  const qemu = startMachine(folder, await wordsFor(lab, options, { address, tap, port: announced.port }));
  const stop = async () => {
    announced.close();
    qemu.kill("SIGKILL");
    await qemu;
    await execa("ip", ["link", "del", tap], { reject: false });
  };
  try {
    const call = await Promise.race([announced.first, dead(qemu), tooLate(join(folder, "serial.log"))]);
    const chosen = call.machine?.disks.find(({ name }) => name === call.machine?.chosen);
    const monitor = await openMonitor(join(folder, "monitor"));
    await monitor.say("savevm announced");
    return {
      ...{ address, port: call.port, iqn: call.iqn, lun: call.lun, provenZero: chosen?.zero ?? 0 },
      rewind: () => monitor.say("loadvm announced"),
      stop: () => {
        monitor.close();
        return stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const piece = 64 * 2 ** 20;
const fill = (bytes: number) =>
  Array.from({ length: Math.ceil(bytes / piece) }, (_, n) => [
    "-c",
    `write -q -P 0x5a ${n * piece} ${piece}`,
  ]).flat();

async function wordsFor(
  { address: server }: Lab,
  { number, zeroBytes, cacheDir }: TargetOptions,
  { address, tap, port }: { address: string; tap: string; port: number },
): Promise<readonly string[]> {
  const built = await buildRamdisk(newContext(), { flavour: "lab", arch: "x86_64", cacheDir });
  const mac = `52:54:00:00:00:${number.toString(16).padStart(2, "0")}`;
  const kernelWords = [
    ...[
      "console=ttyS0",
      "deployment_id=bench",
      "deployment_key=none",
      "iscsi_target_iqn=iqn.2026-11.bench:disk",
    ],
    ...[`BOOTIF=01-${mac.replaceAll(":", "-")}`, `ip=${address}:${server}::255.255.255.0`, "deploy_static=1"],
    ...[`deploy_server=${server}`, `deploy_port=${port}`, `zero_bytes=${zeroBytes}`],
  ];
  const accel = process.env["LAB_ACCEL"] ?? "tcg";
  return [
    ...["-nodefaults", "-machine", `q35,accel=${accel}`, "-m", "512", "-display", "none", "-vga", "none"],
    ...["-serial", "file:serial.log", "-qmp", "unix:monitor,server=on,wait=off"],
    ...["-kernel", built.kernel, "-initrd", built.ramdisk, "-append", kernelWords.join(" ")],
    ...["-drive", "file=disk.qcow2,format=qcow2,if=none,id=d0,cache=unsafe,discard=unmap"],
    ...["-device", "ide-hd,drive=d0,bus=ide.0,serial=BENCH"],
    ...[
      "-netdev",
      `tap,id=n0,ifname=${tap},script=no,downscript=no`,
      "-device",
      `e1000,netdev=n0,mac=${mac}`,
    ],
  ];
}

const startMachine = (cwd: string, words: readonly string[]) =>
  execa("setpriv", ["--pdeathsig", "KILL", "--", "qemu-system-x86_64", ...words], {
    ...{ cwd, reject: false, stdin: "ignore", all: true },
  });

/** Take any announcement. */
async function hear(address: string) {
  let resolve: (call: Announced) => void = () => {};
  const first = new Promise<Announced>((done) => {
    resolve = done;
  });
  const server: Server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const read = parseAnnouncement(
      Buffer.concat(pieces).toString("utf8"),
      request.socket.remoteAddress ?? "",
    );
    if (read.ok) resolve(read.announcement);
    response.writeHead(read.ok ? 200 : 400).end("\n");
  }).listen(0, address);
  await new Promise((listening) => server.once("listening", listening));
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { first, port, close };
}
type Announced = Extract<ReturnType<typeof parseAnnouncement>, { ok: true }>["announcement"];

async function dead(qemu: PromiseLike<{ readonly all?: string | undefined }>): Promise<never> {
  throw new Error(`QEMU ended: ${(await qemu).all}`);
}

async function tooLate(serial: string): Promise<never> {
  await pause(120_000, undefined, { ref: false });
  throw new Error(
    `no announcement within two minutes; its console:\n${(await readFile(serial, "latin1")).slice(-1_000)}`,
  );
}
