import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, createServer as listen, type Socket } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { newContext } from "../../provider/kernel/context.ts";
import { buildRamdisk } from "../../provider/services/ramdisk/build.ts";
import type { ExtraInitrd } from "../../provider/services/ramdisk/flavours.ts";

/** What a booted ramdisk can be asked, and what it has said. */
export interface Machine {
  readonly folder: string;
  /** The bodies of its announcements, in order. */
  readonly announced: readonly string[];
  readonly serial: () => Promise<string>;
  /** Type on the serial line. */
  readonly type: (text: string) => Promise<void>;
  /** Until `ask` gives something; throws after `seconds` with the tail of the serial line. */
  readonly wait: <T>(
    what: string,
    seconds: number,
    ask: () => Promise<T | undefined> | T | undefined,
  ) => Promise<T>;
  /** QEMU's name of the first LUN of a target. */
  readonly lun: (iqn: string) => string;
  /** Say a word to the node's port 10000. */
  readonly say: (word: string) => Promise<void>;
  readonly running: () => boolean;
  readonly stop: () => Promise<void>;
}

export interface MachineParts {
  /** Words for the kernel's command line beside deployment, key, IQN, card and helper. */
  readonly args: readonly string[];
  /** QEMU's options for the disks; `{folder}` is the machine's own. */
  readonly disks: (folder: string) => Promise<readonly string[]>;
  /** One with more in it than that of deployments. */
  readonly extra?: ExtraInitrd;
  /** A folder of scripts of the site's own. */
  readonly hooksDir?: string;
  /** What the throw-away helper answers to announcement number `n`, counted from 0. */
  readonly answer: (n: number) => { readonly status: number; readonly line: string };
}

const mac = "52:54:00:00:00:07";
/** Where the ramdisk for these tests is kept between runs. */
const cacheDir = join(
  process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
  "pulumi-baremetal",
  "ramdisk",
);

/** Boot the lab's ramdisk in QEMU with user-mode networking: no root, nothing of the host's network is touched. */
export async function bootRamdisk({ args, disks, extra, hooksDir, answer }: MachineParts): Promise<Machine> {
  const options = { flavour: "lab", arch: "x86_64", extra, cacheDir, hooksDir } as const;
  const built = await buildRamdisk(newContext(), options);
  const folder = await mkdtemp(join(tmpdir(), "ramdisk-"));
  const announced: string[] = [];
  const helper = await startHelper((body) => answer(announced.push(body) - 1));
  const [iscsi, word] = [await freePort(), await freePort()];
  const forward = `hostfwd=tcp:127.0.0.1:${iscsi}-:3260,hostfwd=tcp:127.0.0.1:${word}-:10000`;
  const [log, line] = [join(folder, "serial"), join(folder, "line")];
  const qemu = spawn("qemu-system-x86_64", [
    ...["-accel", "tcg", "-machine", "q35", "-m", "512", "-display", "none", "-vga", "none"],
    ...[
      "-chardev",
      `socket,id=line,path=${line},server=on,wait=off,logfile=${log}`,
      "-serial",
      "chardev:line",
    ],
    ...["-monitor", "none", "-no-reboot", "-kernel", built.kernel],
    ...["-initrd", built.ramdisk, "-append", commandLine(portOf(helper), args)],
    ...["-netdev", `user,id=n0,${forward}`, "-device", `e1000,netdev=n0,mac=${mac}`],
    ...["-uuid", "11111111-2222-3333-4444-555555555555", "-smbios", "type=1,serial=SRV-7"],
    ...(await disks(folder)),
  ]);
  let complaint = "";
  qemu.stderr.on("data", (piece) => {
    complaint += piece;
  });
  const running = () => qemu.exitCode === null && qemu.signalCode === null;
  const serial = () => readFile(log, "latin1").catch(() => "");
  return {
    ...{ folder, announced, serial, running },
    lun: (iqn) => `iscsi://127.0.0.1:${iscsi}/${iqn}/1`,
    say: (text) => sayWord(connect(word, "127.0.0.1"), text),
    type: (text) => sayWord(connect(line), text),
    async wait(what, seconds, ask) {
      for (const end = Date.now() + seconds * 1000; Date.now() < end; await pause(100)) {
        const found = await ask();
        if (found !== undefined) return found;
      }
      throw new Error(`${what}: not within ${seconds} s. ${complaint}\n${(await serial()).slice(-1500)}`);
    },
    async stop() {
      await ended(qemu);
      helper.closeAllConnections();
      await new Promise((resolve) => helper.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function commandLine(port: number, args: readonly string[]): string {
  const nova = "deployment_id=d-1 deployment_key=very-secret iscsi_target_iqn=iqn.2026-11.test:Node-1";
  const card = `BOOTIF=01-${mac.replaceAll(":", "-")}`;
  return ["console=ttyS0", nova, card, "deploy_server=10.0.2.2", `deploy_port=${port}`, ...args].join(" ");
}

/** A throw-away helper that takes any announcement. */
async function startHelper(
  judge: (body: string) => { readonly status: number; readonly line: string },
): Promise<Server> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (piece) => {
      body += piece;
    });
    request.on("end", () => {
      const { status, line } = judge(body);
      response.writeHead(status).end(`${line}\n`);
    });
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return server;
}

async function ended(qemu: ChildProcess): Promise<void> {
  if (qemu.exitCode !== null || qemu.signalCode !== null) return;
  const exit = new Promise((resolve) => qemu.once("exit", resolve));
  qemu.kill("SIGKILL");
  await exit;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function portOf(server: { address(): AddressInfo | string | null }): number {
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = listen().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function sayWord(socket: Socket, word: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("connect", () => socket.end(word));
    socket.on("error", reject);
    socket.on("close", () => resolve());
    socket.resume();
  });
}
