import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { type Duration, type Size, toBytes } from "../../../provider/kernel/units.ts";
import { arm64Firmware, arm64Machine } from "./arm64.ts";
import { type BmcAddress, type BmcFault, type BmcLogin, putFile, startBmc } from "./bmc.ts";
import { readConsole, waitConsole } from "./console.ts";
import { type DiskOptions, diskWords, makeDisk } from "./disk.ts";
import { type Frame, frameOf, macOf } from "./frame.ts";
import type { Product } from "./fru.ts";
import { identityWords, machineIn, writeStart } from "./machine.ts";
import { plugSerial, type SerialCable } from "./serial.ts";
import { prepareUefi, uefiCard, uefiDisc } from "./uefi.ts";

export interface ServerOptions {
  /** Unique in the lab; names its folder. */
  readonly name: string;
  /** Default: made of the name. */
  readonly mac?: string;
  /** Default: 512 MiB. */
  readonly memory?: Size;
  /** Default: one of 4 GiB. */
  readonly disks?: readonly DiskOptions[];
  /** Network cards on the lab's network; it boots from the first. Default: 1. */
  readonly cards?: number;
  /** SMBIOS product serial; the controller's inventory has it too. Default: `LAB-` and the name. */
  readonly serial?: string;
  /** SMBIOS product UUID; the controller's GUID too. Default: made of the name. */
  readonly uuid?: string;
  readonly bmc?: BmcLogin;
  /** An arm64 server, which starts by UEFI: the folder in which its emulator and firmware lie unpacked. */
  readonly arm64?: string;
  /** Default: bios. */
  readonly firmware?: "bios" | "uefi";
  /** UEFI that starts only what Microsoft's keys signed. Default: false. */
  readonly secureBoot?: boolean;
  /** It has a CD drive, with UEFI; `redfish.ts` has controllers that fill it. Default: false. */
  readonly disc?: boolean;
  /** Default: the lab's first. */
  readonly bridge?: string;
  /** Its controller has serial-over-LAN. Default: false. */
  readonly sol?: boolean;
}

/** A server of the lab. Its controller answers from the start, the machine is off. */
export interface LabServer {
  readonly name: string;
  readonly mac: string;
  /** Of its other cards. */
  readonly moreMacs: readonly string[];
  readonly serial: string;
  readonly uuid: string;
  /** Free for this server; whoever runs DHCP gives it. */
  readonly address: string;
  readonly bmc: BmcAddress;
  /** Path of what the serial line said, all runs. */
  readonly serialLog: string;
  /** Path of the qcow2 file. Read it only while the server is off. */
  readonly diskPath: (index?: number) => string;
  /** What the serial line said since the last power-on. */
  readonly console: () => Promise<string>;
  /** Wait until it says `pattern`; throws with its last words. Default limit: 60 seconds. */
  readonly waitConsole: (pattern: string | RegExp, limit?: Duration | string) => Promise<string>;
  readonly isOn: () => Promise<boolean>;
  /** Cut its power, past the controller. */
  readonly pull: () => Promise<void>;
  readonly fault: (fault: BmcFault) => Promise<void>;
  /** From the next power-on another machine answers behind the same controller. */
  readonly swapSerial: (serial: string, uuid?: string) => Promise<void>;
  /** At once another controller answers at the same address. */
  readonly swapBmc: (serial: string, uuid: string) => Promise<void>;
  /** What the controller asked of the chassis, one line each: seconds since the epoch, then `get …` or `set …`. */
  readonly calls: () => Promise<readonly string[]>;
  /** Where serial-over-LAN was asked for. */
  readonly cable: Omit<SerialCable, "unplug"> | undefined;
  /** End machine and controller. Its files stay. */
  readonly stop: () => Promise<void>;
}

/** What a lab hands to each server that it makes. */
export interface Slot {
  readonly folder: string;
  readonly bridge: string;
  readonly address: string;
  /** QEMU's word for `-machine accel=`. */
  readonly accel: string;
}

/** What runs in a server. */
export interface Inside {
  /** Paths. */
  readonly disks: readonly string[];
  readonly cable?: SerialCable | undefined;
  /** Make it so that the next power-on starts a machine of this identity. */
  readonly prepare: (product: Product, uuid: string) => Promise<void>;
  /** End what `stop` of a server does not: its place in the network. */
  readonly leave: () => Promise<void>;
}

/** A QEMU machine behind an IPMI controller. */
export async function makeServer(slot: Slot, options: ServerOptions): Promise<LabServer> {
  const { folder, accel } = slot;
  const { bridge = slot.bridge } = options;
  const frame = frameOf(options);
  const { name, mac } = frame;
  const { arm64, firmware = arm64 === undefined ? "bios" : "uefi" } = options;
  const { disks: wanted = [{ size: "4 GiB" }], memory = "512 MiB" } = options;
  await prepareFolder(folder);
  const disks = await Promise.all(wanted.map((disk, index) => makeDisk(folder, name, index, disk)));
  const moreMacs = range(1, options.cards ?? 1).map((card) => macOf(`${name}/${card}`));
  const taps = [mac, ...moreMacs].map((one) => `t${one.replaceAll(":", "")}`);
  for (const tap of taps) await addTap(tap, bridge);
  const own = arm64 === undefined ? undefined : arm64Firmware(arm64);
  const cable = options.sol ? await plugSerial(join(folder, "serial")) : undefined;
  const line = cable
    ? "socket,path=serial,logfile=serial.log,logappend=on"
    : "file,path=serial.log,append=on";
  const uefi = firmware === "uefi" ? await prepareUefi(folder, options.secureBoot, own) : undefined;
  const machine =
    arm64 === undefined
      ? ["qemu-system-x86_64", "-machine", "q35", "-machine", `accel=${accel}`]
      : arm64Machine(arm64);
  const server = await openServer(slot, frame, {
    cable,
    disks: disks.map(({ path }) => path),
    prepare: (product, uuid) =>
      writeStart(
        folder,
        [
          ...[...machine, "-name", name, "-nodefaults"],
          ...["-m", `${toBytes(memory) / 2 ** 20}`, "-display", "none", "-vga", "none"],
          ...["-chardev", `${line},id=serial`, "-serial", "chardev:serial"],
          ...["-chardev", "pipe,id=monitor,path=monitor", "-mon", "chardev=monitor,mode=readline"],
          ...identityWords(product, uuid),
          ...(uefi ?? []),
          ...disks.flatMap((disk, index) => diskWords(disk, index, uefi && 2 + index)),
          ...moreMacs.flatMap((one, card) => [
            "-device",
            `virtio-net-pci,netdev=net${card + 1},mac=${one},romfile=`,
          ]),
          ...taps.flatMap((tap, card) => [
            "-netdev",
            `tap,id=net${card},ifname=${tap},script=no,downscript=no`,
          ]),
          ...(uefi ? [] : ["-device", `e1000,netdev=net0,mac=${mac}`, "-boot"]),
        ],
        uefi && ["-device", uefiCard(mac), ...(options.disc ? uefiDisc : [])],
      ),
    leave: async () => {
      for (const tap of taps) await execa("ip", ["link", "del", tap], { reject: false });
      await cable?.unplug();
    },
  });
  return { ...server, moreMacs };
}

const range = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at);

/** Give a machine its controller. The folder has been prepared. */
export async function openServer(
  { folder, address }: Slot,
  { name, mac, serial, uuid, login }: Frame,
  { disks, cable, prepare, leave }: Inside,
): Promise<LabServer> {
  await prepare(productOf(serial), uuid);
  const bmc = await startBmc({ folder, login, product: productOf(serial), uuid, serial: cable?.port });
  const machine = machineIn(folder);
  const serialLog = join(folder, "serial.log");
  return {
    ...{ name, mac, moreMacs: [], serial, uuid, address, serialLog, bmc: bmc.at },
    ...{ isOn: machine.isOn, pull: machine.pull, fault: bmc.fault },
    diskPath(index = 0) {
      const path = disks[index];
      if (path === undefined) throw new RangeError(`${name} has no disk ${index}`);
      return path;
    },
    console: () => readConsole(serialLog),
    waitConsole: (pattern, limit = "60 seconds") => waitConsole(name, serialLog, pattern, limit),
    swapSerial: (other, id = uuid) => prepare(productOf(other), id),
    swapBmc: (other, id) => bmc.change(productOf(other), id),
    calls: () => readCalls(folder),
    cable,
    async stop() {
      // First, so that a delayed power-on finds nothing to start.
      await rm(join(folder, "start"), { force: true });
      await bmc.stop();
      await machine.pull();
      await leave();
    },
  };
}

/** What `chassis.sh` and, with a monitor, QEMU expect to find. */
export async function prepareFolder(folder: string, { monitor = true } = {}): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await Promise.all([putFile(folder, "boot", "none"), putFile(folder, "fault", "none")]);
  await writeFile(join(folder, "serial.log"), "");
  if (!monitor) return;
  await execa("mkfifo", [join(folder, "monitor.in")]);
  // Nobody reads what the monitor answers.
  await symlink("/dev/null", join(folder, "monitor.out"));
}

async function addTap(tap: string, bridge: string): Promise<void> {
  await execa("ip", ["tuntap", "add", tap, "mode", "tap"]);
  await execa("ip", ["link", "set", tap, "master", bridge, "up"]);
}

async function readCalls(folder: string): Promise<readonly string[]> {
  const { stdout } = await execa("cat", [join(folder, "calls")], { reject: false });
  return stdout.split("\n").filter((line) => line !== "");
}

const productOf = (serial: string): Product => ({
  manufacturer: "Lab",
  model: "virtual server",
  serial,
});
