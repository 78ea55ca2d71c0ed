import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, truncate, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { execa } from "execa";
import { toBytes } from "../../provider/kernel/units.ts";
import type { Announcement, Disk, Machine } from "../../provider/services/callback/announcement.ts";
import { encodeAnnouncement } from "../fixtures/announcement.ts";
import type { Lab, LabServer } from "./lab/index.ts";
import { exportDisk } from "./lab/paper/target.ts";
import { menuOf, type TestSite } from "./site.ts";

/** What a call differs in from the one that would be accepted. */
export interface CallChanges extends Partial<Omit<Announcement, "machine">> {
  readonly machine?: Partial<Machine>;
}

export interface Answer {
  readonly status: number;
  readonly line: string;
}

/** The ramdisk of a server, played by the test itself: what it says is the test's, word for word. */
export interface PlayedRamdisk {
  /** One POST to port 10000. */
  readonly call: (changes?: CallChanges) => Promise<Answer>;
  /** Resolves when the helper says "done". */
  readonly done: Promise<void>;
  /** The disk it exports with `target: true`, raw. */
  readonly disk: string;
  readonly stop: () => Promise<void>;
}

/** A disk as our ramdisk would tell it: blank, of 4 GiB. */
export function diskOf(name: string, more: Partial<Disk> = {}): Disk {
  const plain = { size: toBytes("4 GiB"), sector: 512, model: "PLAYED", vendor: "ATA", wwn: "", hctl: "" };
  const names = { serial: `SN-${name}`, byId: `ata-PLAYED_SN-${name}`, byPath: "" };
  return { name, ...plain, ...names, rotational: false, unfit: "", holds: "", zero: 0, ...more };
}

/** The value of a word on the kernel's command line that a server would boot with. */
export async function bootWord(site: TestSite, server: LabServer, word: string): Promise<string> {
  return new RegExp(`\\b${word}=(\\S+)`).exec(await menuOf(site, server))?.[1] ?? "";
}

/**
 * Play the ramdisk of a server whose boot files are laid. It calls from an address of its own, `last` being the last
 * number of it; with `target` it exports an empty disk.
 */
export async function playRamdisk(
  { lab, site, server }: { readonly lab: Lab; readonly site: TestSite; readonly server: LabServer },
  { last, target = false }: { readonly last: number; readonly target?: boolean },
): Promise<PlayedRamdisk> {
  const address = lab.address.replace(/\.1$/, `.${last}`);
  const [deployment, key] = [
    await bootWord(site, server, "deployment_id"),
    await bootWord(site, server, "deployment_key"),
  ];
  await execa("ip", ["addr", "add", `${address}/24`, "dev", lab.interface], { reject: false });
  const bootId = randomUUID();
  const iqn = `iqn.2026-11.played:${bootId.slice(0, 8)}`;
  // Not the server's folder: its own ramdisk, which keeps silent, exports its disk from there.
  const folder = join(lab.dir, `played-${server.name}`);
  const disk = join(folder, "disk.raw");
  await mkdir(folder, { recursive: true });
  await writeFile(disk, "");
  await truncate(disk, toBytes("4 GiB"));
  const exported = target ? await exportDisk(folder, address, iqn, disk) : undefined;
  const listener = createServer((socket) => void socket.on("error", () => {}).resume());
  listener.listen(10_000, address);
  await once(listener, "listening");
  const { serial, uuid: productUuid, mac } = server;
  // A disk of one identity in two servers at once would be another instance's disk.
  const own = diskOf("sda", { serial: `SN-${server.name}`, byId: `ata-PLAYED_SN-${server.name}` });
  const machine: Machine = {
    ...{ bootId, serial, productUuid, macs: [mac], firmware: "bios", disks: [own], chosen: "sda" },
  };
  const plain = { deployment, key, address, peer: address, iqn, port: 3260, lun: 1 };
  return {
    disk,
    call: ({ machine: other, ...changes } = {}) =>
      post(
        lab.address,
        address,
        encodeAnnouncement({ ...plain, ...changes, machine: { ...machine, ...other } }),
      ),
    done: once(listener, "connection").then(() => {}),
    async stop() {
      await exported?.stop();
      listener.close();
      await execa("ip", ["addr", "del", `${address}/24`, "dev", lab.interface], { reject: false });
    },
  };
}

async function post(host: string, localAddress: string, form: string): Promise<Answer> {
  const headers = { "content-type": "application/x-www-form-urlencoded", "content-length": form.length };
  const how = { host, port: 10_000, localAddress, method: "POST", headers, agent: false, timeout: 5_000 };
  const call = request(how);
  call.on("timeout", () => call.destroy(new Error("no answer within 5 seconds")));
  call.end(form);
  const [response] = await once(call, "response");
  let line = "";
  for await (const piece of response) line += piece;
  return { status: response.statusCode ?? 0, line };
}
