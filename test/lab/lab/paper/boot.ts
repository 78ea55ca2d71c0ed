import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { Run } from "./body.ts";
import { type FoundRoot, lookAt } from "./disk.ts";
import { chooseFrom, type MenuChoice, menuNames } from "./menu.ts";
import { type Lease, lease } from "./network.ts";
import { bootOffer } from "./proxy.ts";
import { runRamdisk } from "./ramdisk.ts";
import { readTftp, TftpError } from "./tftp.ts";

/** How an attempt to boot ended: nothing was there, or what ran wants to start again. Otherwise it ends with the power. */
type Ended = "nothing" | "reboot";

/** Everything from power-on to power-off; ends by throwing the signal's reason. */
export async function live(run: Run): Promise<never> {
  for (;;) {
    const device = (await readFile(join(run.folder, "boot"), "utf8")).trim();
    const ways = device === "pxe" ? [fromNetwork, fromDisk] : [fromDisk, fromNetwork];
    let ended: Ended = "nothing";
    for (const way of ways) {
      ended = await way(run);
      if (ended === "reboot") break;
    }
    if (ended === "nothing") {
      run.say("firmware: no bootable device");
      await powerOff(run);
    }
  }
}

/** As lpxelinux does: by the address that the menu names, or by TFTP. */
async function fetchFile(server: string, file: string, signal: AbortSignal): Promise<void> {
  if (!file.startsWith("http:")) return void (await readTftp(server, file, signal, 1));
  const response = await fetch(file, { signal });
  if (!response.ok) throw new TftpError(`${file}: ${response.status}`);
  await response.arrayBuffer();
}

async function fromNetwork(run: Run): Promise<Ended> {
  const { body, signal, say } = run;
  const got = body.proxyDhcp ? await leaseAndOffer(run) : await lease(run.folder, signal);
  if (got === undefined || got.file === "") {
    say(`firmware: ${got ? "DHCP names no boot loader" : "no DHCP server answers"}`);
    return "nothing";
  }
  try {
    await readTftp(got.server, got.file, signal, 1);
    const choice = await readMenu(run, got);
    if (choice.kind === "local") return await fromDisk(run);
    for (const file of choice.files) await fetchFile(got.server, file, signal);
    if (choice.args.has("deployment_id")) {
      say("BAREMETAL up");
      await runRamdisk(run, choice.args, got);
      return "reboot";
    }
    const wanted = /^UUID=(.*)$/.exec(choice.args.get("root") ?? "")?.[1];
    const root = (await lookAt(body.disk.path)).roots.find(({ uuid }) => uuid === wanted);
    if (root) return await runSystem(run, root, got);
    say(`system: root ${choice.args.get("root")} is not there`);
    return await powerOff(run);
  } catch (error) {
    if (!(error instanceof TftpError)) throw error;
    say(`firmware: TFTP: ${error.message}`);
    return "nothing";
  }
}

/** Its address from one server, what it boots from another. */
async function leaseAndOffer({ folder, body, signal }: Run): Promise<Lease | undefined> {
  const got = await lease(folder, signal, "system");
  return got && { ...got, ...(await bootOffer(body.mac, got.address, signal)) };
}

async function readMenu({ body, signal }: Run, { server, address, mask }: Lease): Promise<MenuChoice> {
  const network = { ip: `${address}:${server}::${mask}`, bootif: `01-${body.mac.replaceAll(":", "-")}` };
  let missing: unknown;
  for (const name of menuNames(body.mac)) {
    try {
      return chooseFrom((await readTftp(server, name, signal)).toString("utf8"), network);
    } catch (error) {
      missing = error;
      if (!(error instanceof TftpError)) throw error;
    }
  }
  throw missing;
}

async function fromDisk(run: Run): Promise<Ended> {
  const { bootable, roots } = await lookAt(run.body.disk.path);
  const [root] = roots;
  if (!bootable || root === undefined) {
    run.say("firmware: the disk does not boot");
    return "nothing";
  }
  return await runSystem(
    run,
    root,
    await lease(run.folder, run.signal, run.body.proxyDhcp ? "system" : "pxe"),
  );
}

/** As any system does: it asks until it has an address, also while nobody gives one. */
async function leaseAtLast({ folder, signal }: Run): Promise<Lease> {
  for (;;) {
    const got = await lease(folder, signal, "system");
    if (got !== undefined) return got;
  }
}

/** The operating system: port 22 begins as that of the test images does, with the label of the root file system. */
async function runSystem(run: Run, root: FoundRoot, first: Lease | undefined): Promise<never> {
  const { label } = root;
  run.say(`system: ${label} up serial ${run.body.serial}`);
  if (run.mishap === "dead") return await powerOff(run);
  const got = first ?? (await leaseAtLast(run));
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    socket.write(`SSH-2.0-${label} ${got.hostname || "unnamed"}\r\n`);
    socket.setTimeout(2_000, () => socket.destroy());
    socket.resume();
  });
  server.listen(22, "0.0.0.0");
  try {
    await once(server, "listening");
    run.say(`system: ${label} answers at ${got.address}`);
    return await powerOff(run);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

/** Nothing happens until the power goes. */
async function powerOff({ signal }: Run): Promise<never> {
  if (!signal.aborted) await once(signal, "abort");
  throw signal.reason;
}
