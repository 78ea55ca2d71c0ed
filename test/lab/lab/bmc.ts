import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { fruBytes, type Product } from "./fru.ts";

export interface BmcLogin {
  readonly user: string;
  readonly password: string;
}

/** Where a server's controller listens. */
export interface BmcAddress extends BmcLogin {
  readonly address: "127.0.0.1";
  readonly port: number;
}

/**
 * `silent`: no answer, as from an unplugged controller. `exit1`: "Unspecified error". `slow`: says yes at once and does it
 * four seconds later. `lie`: says yes and does nothing. `stale`: does it, and tells the power state that it told first.
 */
export type BmcFault = "none" | "silent" | "exit1" | "slow" | "lie" | "stale";

export interface BmcOptions {
  /** The server's folder, with what `chassis.sh` expects in it. */
  readonly folder: string;
  readonly login: BmcLogin;
  readonly product: Product;
  /** Of the server: the controller answers `mc guid` with it. */
  readonly uuid: string;
  /** Of 127.0.0.1, where the server's serial line is: it can be heard by serial-over-LAN. */
  readonly serial?: number | undefined;
}

export interface Bmc {
  readonly at: BmcAddress;
  readonly fault: (fault: BmcFault) => Promise<void>;
  /** Another identity at the same address, as after an exchange of servers. */
  readonly change: (product: Product, uuid: string) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Start a controller (OpenIPMI's simulator, cipher suite 3) for the server in `folder`; it answers when this returns. */
export async function startBmc({ folder, login, ...identity }: BmcOptions): Promise<Bmc> {
  const at: BmcAddress = { address: "127.0.0.1", port: await freePort(), ...login };
  await writeFile(join(folder, "lan.conf"), lanConf(at, folder, identity), { mode: 0o600 });
  await writeFile(join(folder, "sim.emu"), emulator(identity.product));
  let running = await startSimulator(folder, at.port);
  let hole: Hole | undefined;
  const speak = async () => {
    await hole?.close();
    if (hole) running = await startSimulator(folder, at.port);
    hole = undefined;
  };
  return {
    at,
    async fault(fault) {
      await putFile(folder, "fault", fault === "silent" ? "none" : fault);
      if (fault !== "silent") return await speak();
      await running.stop();
      // Somebody has to hold the port: otherwise the kernel would say that nobody is there.
      hole ??= await openHole(at.port);
    },
    async change(product, uuid) {
      await writeFile(join(folder, "lan.conf"), lanConf(at, folder, { uuid, serial: identity.serial }), {
        mode: 0o600,
      });
      await writeFile(join(folder, "sim.emu"), emulator(product));
      if (hole) return;
      await running.stop();
      running = await startSimulator(folder, at.port);
    },
    async stop() {
      await running.stop();
      await hole?.close();
      hole = undefined;
    },
  };
}

/** The chassis script reads these while they change: whole or not at all. */
export async function putFile(folder: string, name: string, text: string): Promise<void> {
  await writeFile(join(folder, `.${name}`), `${text}\n`);
  await rename(join(folder, `.${name}`), join(folder, name));
}

function lanConf(
  { port, user, password }: BmcAddress,
  folder: string,
  { uuid, serial }: Pick<BmcOptions, "uuid" | "serial">,
): string {
  const script = fileURLToPath(new URL("chassis.sh", import.meta.url));
  const auths = "none md2 md5 straight";
  return [
    'name "bmc"',
    "set_working_mc 0x20",
    "startlan 1",
    `addr 127.0.0.1 ${port}`,
    "priv_limit admin",
    ...["callback", "user", "operator", "admin"].map((level) => `allowed_auths_${level} ${auths}`),
    `guid ${uuid.replaceAll("-", "")}`,
    "endlan",
    ...(serial === undefined ? [] : [`sol "tcp:127.0.0.1:${serial}" 115200`]),
    `chassis_control "${script} ${folder} 0x20"`,
    `user 2 true "${user}" "${password}" admin 10 ${auths}`,
    "",
  ].join("\n");
}

function emulator(product: Product): string {
  const fru = fruBytes(product);
  const bytes = [...fru].map((byte) => `0x${byte.toString(16).padStart(2, "0")}`).join(" ");
  return [
    "mc_setbmc 0x20",
    "mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr",
    `mc_add_fru_data 0x20 0 ${fru.length} data ${bytes}`,
    "mc_enable 0x20",
    "",
  ].join("\n");
}

interface Simulator {
  readonly stop: () => Promise<void>;
}

async function startSimulator(folder: string, port: number): Promise<Simulator> {
  const words = ["-n", "-c", join(folder, "lan.conf"), "-f", join(folder, "sim.emu"), "-s", folder];
  // Without --pdeathsig it would outlive a test that is killed, where the lab has no process namespace.
  const child = execa("setpriv", ["--pdeathsig", "KILL", "--", "ipmi_sim", ...words], {
    ...{ cwd: folder, stdin: "ignore", all: true, reject: false },
  });
  const ended = child.then(({ all }) => {
    throw new Error(`ipmi_sim ended: ${all}`);
  });
  ended.catch(() => {});
  await Promise.race([answers(port), ended]);
  return {
    async stop() {
      child.kill("SIGKILL");
      await child;
    },
  };
}

interface Hole {
  readonly close: () => Promise<void>;
}

/** A port that swallows everything. */
async function openHole(port: number): Promise<Hole> {
  const socket = createSocket("udp4").bind(port, "127.0.0.1");
  await once(socket, "listening");
  socket.unref();
  return {
    async close() {
      socket.close();
      await once(socket, "close");
    },
  };
}

/** Below the range from which clients get theirs: a controller that is silent for a while finds its port again. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(16_000, 32_000);
    const socket = createSocket("udp4").bind(port, "127.0.0.1");
    const free = await once(socket, "listening").catch(() => undefined);
    socket.close();
    if (free) return port;
  }
}

// RMCP, no session: Get Channel Authentication Capabilities, which every controller answers to everybody.
const hello = Buffer.from("0600ff07000000000000000000092018c88100388e04b5", "hex");

async function answers(port: number): Promise<void> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  // Nobody listens yet: the kernel says so on this socket.
  socket.on("error", () => {});
  let heard = false;
  socket.once("message", () => {
    heard = true;
  });
  for (let tries = 0; !heard && tries < 300; tries += 1) {
    socket.send(hello, port, "127.0.0.1");
    await pause(30);
  }
  socket.close();
  if (!heard) throw new Error(`ipmi_sim does not answer on port ${port}`);
}
