import { once } from "node:events";
import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { toBytes } from "../../../../provider/kernel/units.ts";
import { putFile } from "../bmc.ts";
import type { DiskOptions } from "../disk.ts";
import { frameOf } from "../frame.ts";
import { writeStart } from "../machine.ts";
import { type LabServer, openServer, prepareFolder, type ServerOptions, type Slot } from "../server.ts";
import type { Mishap, PaperBody } from "./body.ts";

export interface PaperOptions extends Omit<ServerOptions, "disks" | "memory" | "disc"> {
  /** Default: 4 GiB. */
  readonly disk?: Omit<DiskOptions, "kind">;
  /** Its boot ROM listens for a proxyDHCP server beside the one that gives addresses. Default: false. */
  readonly proxyDhcp?: boolean;
}

/** A server whose firmware, ramdisk and system are played by a small process: real protocols, no CPU. */
export interface PaperServer extends LabServer {
  readonly mishap: (mishap: Mishap) => Promise<void>;
}

const checkout = fileURLToPath(new URL("../../../..", import.meta.url));

/** A paper server behind an IPMI controller; its process has a network namespace of its own, with one card on the bridge. */
export async function makePaper(slot: Slot, options: PaperOptions): Promise<PaperServer> {
  const { folder } = slot;
  const { bridge = slot.bridge } = options;
  const frame = frameOf(options);
  const { name, mac } = frame;
  const { size = "4 GiB", serial = `${name}-0`, content }: Partial<DiskOptions> = options.disk ?? {};
  await prepareFolder(folder, { monitor: false });
  const path = join(folder, "disk0.raw");
  if (content === undefined) await writeFile(path, "");
  else await execa("qemu-img", ["convert", "-O", "raw", content, path]);
  await truncate(path, toBytes(size));
  const mishap = (kind: Mishap) => putFile(folder, "mishap", kind);
  await mishap("none");
  const player = await startPlayer(folder);
  const card = `p${mac.replaceAll(":", "")}`;
  const peer = ["peer", "name", "eth0", "address", mac, "netns", `${player.pid}`];
  await execa("ip", ["link", "add", card, "type", "veth", ...peer]);
  await execa("ip", ["link", "set", card, "master", bridge, "up"]);
  const server = await openServer(slot, frame, {
    disks: [path],
    async prepare(product, uuid) {
      const { proxyDhcp = false } = options;
      const body: PaperBody = { name, mac, serial: product.serial, uuid, disk: { path, serial }, proxyDhcp };
      await putFile(folder, "body.json", JSON.stringify(body));
      // Its life is the power. The shell takes the boot order, which sleep would not.
      await writeStart(folder, ["sh", "-c", "exec sleep infinity", name]);
    },
    leave: player.stop,
  });
  return { ...server, mishap };
}

async function startPlayer(folder: string): Promise<{ pid: number; stop: () => Promise<void> }> {
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  const words = ["unshare", "--net", "--", process.execPath, "--import", "tsx", main, folder];
  const child = execa("setpriv", ["--pdeathsig", "KILL", "--", ...words], {
    ...{ cwd: checkout, stdin: "ignore", buffer: false, reject: false },
    stderr: { file: join(folder, "player.log") },
  });
  const ended = child.then(() => {
    throw new Error(`the paper server's process ended: see ${join(folder, "player.log")}`);
  });
  ended.catch(() => {});
  await Promise.race([once(child.stdout, "data"), ended]);
  return {
    pid: child.pid ?? 0,
    // The end of its namespace takes the card along.
    async stop() {
      child.kill("SIGKILL");
      await child;
    },
  };
}
