import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { freePort } from "./free-port.ts";

export interface SimUser {
  readonly name: string;
  readonly password: string;
  readonly privilege: "user" | "operator" | "admin";
}

export interface SimOptions {
  readonly users: readonly SimUser[];
  /** Thirty-two hexadecimal digits; one is made up where none is given: ipmi_sim speaks IPMI 2.0 only with one. */
  readonly guid?: string;
  readonly kg?: string;
  readonly product?: { readonly manufacturer: string; readonly model: string; readonly serial: string };
  /** What ipmi_sim calls for the chassis; default: `chassis.sh` here, with the folder as first argument. */
  readonly chassis?: (folder: string) => string;
  /** The TCP port behind which its serial line is. */
  readonly serial?: number;
}

/** `fails`: the controller answers "Unspecified error". `slow` and `lies` say yes at once; `deaf` is the system. */
export type ChassisFault = "none" | "fails" | "hangs" | "lies" | "deaf" | `slow ${number}`;

/** An OpenIPMI controller of its own on 127.0.0.1, and the machine behind it: a folder. */
export interface IpmiSim {
  readonly port: number;
  readonly folder: string;
  readonly power: () => Promise<"on" | "off">;
  readonly turn: (to: "on" | "off") => Promise<void>;
  readonly fault: (fault: ChassisFault) => Promise<void>;
  /** What the chassis was asked for, and when (ms since the epoch). */
  readonly calls: () => Promise<readonly { at: number; words: string }[]>;
  readonly stop: () => Promise<void>;
}

/** Start one; it answers when this returns. Nothing outlives `stop`. */
export async function startIpmiSim(options: SimOptions): Promise<IpmiSim> {
  for (let left = 5; ; left -= 1) {
    try {
      return await startOn(await freePort(), options);
    } catch (error) {
      // Whoever else was given the port meanwhile: many of them start at once.
      if (left === 0 || !String(error).includes("Address already in use")) throw error;
    }
  }
}

async function startOn(port: number, options: SimOptions): Promise<IpmiSim> {
  const folder = await mkdtemp(join(tmpdir(), "ipmi-sim-"));
  const file = (name: string) => join(folder, name);
  // The chassis reads these while they change: whole or not at all.
  const put = async (name: string, text: string) => {
    await writeFile(file(`.${name}`), `${text}\n`);
    await rename(file(`.${name}`), file(name));
  };
  const initial = { power: "0", boot: "none", fault: "none" };
  await Promise.all(Object.entries(initial).map(([name, text]) => put(name, text)));
  await writeFile(file("calls"), "");
  // latin1: a Kg may be any bytes.
  await writeFile(file("lan.conf"), lanConf(port, folder, options), "latin1");
  await writeFile(file("sim.emu"), emulator(options));
  // It dies with us, also when the test runner is killed.
  const args = [
    "--pdeathsig",
    "KILL",
    "--",
    "ipmi_sim",
    "-n",
    "-c",
    file("lan.conf"),
    "-f",
    file("sim.emu"),
    "-s",
    folder,
  ];
  const child = execa("setpriv", args, { cwd: folder, stdin: "ignore", reject: false, all: true });
  const stop = async () => {
    await put("fault", "none");
    child.kill("SIGKILL");
    await child;
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  let ended = false;
  const dead = child.then(({ all }) => {
    ended = true;
    throw new Error(`ipmi_sim ended: ${all}`);
  });
  try {
    await Promise.race([answers(port, () => ended), dead]);
  } catch (error) {
    await stop();
    throw error;
  }
  dead.catch(() => {});
  return {
    port,
    folder,
    power: async () => ((await readFile(file("power"), "utf8")).trim() === "1" ? "on" : "off"),
    turn: (to) => put("power", to === "on" ? "1" : "0"),
    fault: (fault) => put("fault", fault),
    calls: async () =>
      (await readFile(file("calls"), "utf8"))
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => ({ at: Number(line.split(" ", 1)[0]), words: line.slice(line.indexOf(" ") + 1) })),
    stop,
  };
}

function lanConf(port: number, folder: string, { users, guid, kg, chassis, serial }: SimOptions): string {
  const script = fileURLToPath(new URL("chassis.sh", import.meta.url));
  const command = chassis?.(folder) ?? `${script} ${folder}`;
  return [
    'name "bmc"',
    "set_working_mc 0x20",
    "startlan 1",
    `addr 127.0.0.1 ${port}`,
    "priv_limit admin",
    ...["callback", "user", "operator", "admin"].map(
      (level) => `allowed_auths_${level} none md2 md5 straight`,
    ),
    `guid ${guid ?? "5ca1ab1e0000400080000000c0ffee00"}`,
    ...(kg ? [`bmc_key "${kg}"`] : []),
    "endlan",
    ...(serial === undefined ? [] : [`sol "telnet:127.0.0.1:${serial}" 115200`]),
    `chassis_control "${command} 0x20"`,
    ...users.map(
      ({ name, password, privilege }, index) =>
        `user ${index + 2} true "${name}" "${password}" ${privilege} 10 none md2 md5 straight`,
    ),
    "",
  ].join("\n");
}

function emulator({ product }: SimOptions): string {
  const fru = product && fruBytes([product.manufacturer, product.model, "", "", product.serial]);
  const bytes = fru && [...fru].map((byte) => `0x${byte.toString(16).padStart(2, "0")}`).join(" ");
  return [
    "mc_setbmc 0x20",
    "mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr",
    ...(fru ? [`mc_add_fru_data 0x20 0 ${fru.length} data ${bytes}`] : []),
    "mc_enable 0x20",
    "",
  ].join("\n");
}

/** A FRU inventory (IPMI Platform Management FRU Information Storage Definition 1.0) with a product area only. */
function fruBytes(fields: readonly string[]): Buffer {
  const text = (field: string) =>
    Buffer.concat([Buffer.from([0xc0 | field.length]), Buffer.from(field, "latin1")]);
  const body = Buffer.concat([
    Buffer.from([1, 0, 25]),
    ...fields.map(text),
    text(""),
    text(""),
    Buffer.from([0xc1]),
  ]);
  const area = Buffer.concat([body, Buffer.alloc(8 - (body.length % 8))]);
  area[1] = area.length / 8;
  return Buffer.concat([summed(Buffer.from([1, 0, 0, 0, 1, 0, 0, 0])), summed(area)]);
}

/** With its last byte set so that all of them add up to zero. */
function summed(bytes: Buffer): Buffer {
  bytes[bytes.length - 1] = -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
  return bytes;
}

// RMCP, no session: Get Channel Authentication Capabilities, which every controller answers to everybody.
const hello = Buffer.from("0600ff07" + "00" + "00000000" + "00000000" + "09" + "2018c88100388e04b5", "hex");

async function answers(port: number, givenUp: () => boolean): Promise<void> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  // Nobody listens yet: the kernel says so on this socket.
  socket.on("error", () => {});
  let heard = false;
  socket.once("message", () => {
    heard = true;
  });
  for (let tries = 0; !heard && !givenUp() && tries < 300; tries += 1) {
    socket.send(hello, port, "127.0.0.1");
    await pause(50);
  }
  socket.close();
  if (!heard) throw new Error(`ipmi_sim does not answer on port ${port}`);
}
