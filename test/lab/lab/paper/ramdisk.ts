import { randomUUID } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { stat, truncate } from "node:fs/promises";
import { request } from "node:http";
import { createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type {
  Announcement,
  CleanedDisk,
  CleanMethod,
  Machine,
  RamdiskMode,
} from "../../../../provider/services/callback/announcement.ts";
import { encodeAnnouncement } from "../../../fixtures/announcement.ts";
import { hardwareOf } from "../../../fixtures/hardware.ts";
import type { PaperBody, Run } from "./body.ts";
import { type DiskLook, lookAt } from "./disk.ts";
import type { Lease } from "./network.ts";
import { exportDisk } from "./target.ts";

/** Under this size no disk qualifies. */
const least = 4 * 2 ** 30;
const mib = 2 ** 20;

type Arguments = ReadonlyMap<string, string>;

/** Do what the deploy ramdisk does, with its wire format, until the helper says "done". */
export async function runRamdisk(run: Run, args: Arguments, { address, server }: Lease): Promise<void> {
  const { folder, body, mishap, signal, say } = run;
  const bootId = randomUUID();
  const words = listenForWords(signal);
  const look = await lookAt(body.disk.path);
  const unfit = look.size < least ? "too small" : "";
  const error =
    mishap === "error" ? "the disk sda does not answer" : unfit && `no disk qualifies: sda: ${unfit}`;
  const mode = args.get("mode") as RamdiskMode | undefined;
  const cleans = mode === "clean";
  const iqn = `${args.get("iscsi_target_iqn") ?? "none"}:${bootId.split("-")[0]}`.toLowerCase();
  const target = error || mode ? undefined : await exportDisk(folder, address, iqn, body.disk.path);
  say(error ? `BAREMETAL error ${error}` : `BAREMETAL target ${iqn}`);
  const announcement: Announcement = {
    ...{ deployment: args.get("deployment_id") ?? "", key: args.get("deployment_key") ?? "" },
    ...{ address, iqn, port: 3260, lun: 1, peer: address },
    machine: machineOf(body, bootId, look, unfit, Number(args.get("zero_bytes") ?? 0)),
    ...(mode ? { mode } : {}),
    ...(mode === "inspect" ? { hardware: hardwareOf(body.mac) } : {}),
    ...(error ? { error, log: error } : {}),
  };
  const helper = {
    host: args.get("deploy_server") ?? server,
    port: Number(args.get("deploy_port") ?? 10_000),
  };
  const until = (word: Promise<void>, told: Partial<Announcement> = {}) =>
    mishap === "mute"
      ? word
      : announceUntil(run, word, helper, encodeAnnouncement({ ...announcement, ...told }));
  try {
    if (cleans) {
      await until(words.clean);
      await until(words.done, { cleaned: [await wipe(run, args)] });
    } else await until(words.done);
    say("BAREMETAL done");
  } finally {
    words.close();
    await target?.stop();
  }
}

/** A file of holes holds nothing: what every way of cleaning leaves of it. */
async function wipe({ body: { disk }, say }: Run, args: Arguments): Promise<CleanedDisk> {
  const wanted = decodeURIComponent(args.get("clean_disks") ?? "");
  if (wanted !== disk.serial) throw new Error(`asked to wipe ${wanted}, this disk is ${disk.serial}`);
  const { size } = await stat(disk.path);
  await truncate(disk.path, 0);
  await truncate(disk.path, size);
  say(`BAREMETAL wipe ${wanted} ${args.get("clean")}`);
  return { disk: wanted, name: "sda", size, method: args.get("clean") as CleanMethod };
}

function machineOf(
  { mac, serial, uuid, disk }: PaperBody,
  bootId: string,
  look: DiskLook,
  unfit: string,
  zeroWanted: number,
): Machine {
  const zero = look.untouched ? Math.floor(Math.min(zeroWanted, look.size) / mib) * mib : 0;
  const model = "PAPER DISK";
  const byId = `ata-PAPER_DISK_${disk.serial}`;
  const place = { byPath: "pci-0000:00:1f.2-ata-1", hctl: "0:0:0:0" };
  const sda = {
    name: "sda",
    size: look.size,
    sector: 512,
    model,
    vendor: "ATA",
    serial: disk.serial,
    wwn: "",
    byId,
  };
  const disks = [{ ...sda, ...place, rotational: false, unfit, holds: look.holds, zero }];
  const chosen = unfit ? {} : { chosen: "sda" };
  return { bootId, serial, productUuid: uuid, macs: [mac], firmware: "bios", disks, ...chosen };
}

/** As our ramdisk, but at a faster pace: until it is accepted, then more rarely: a helper that died may have a successor. */
async function announceUntil(
  { signal, say, mishap }: Run,
  word: Promise<void>,
  helper: { host: string; port: number },
  form: string,
): Promise<void> {
  let done = false;
  const heard = word.then(() => {
    done = true;
  });
  for (let number = 0; !done; number += 1) {
    const call = () => post(helper, form, signal).catch((error: Error) => `000 ${error.message}`);
    const copies = mishap === "repeats" ? 5 : 1;
    const [answer = ""] = await Promise.all(Array.from({ length: copies }, call));
    signal.throwIfAborted();
    const accepted = answer.startsWith("200");
    say(`BAREMETAL announce ${number} ${accepted ? "accepted" : answer}`);
    await Promise.race([heard, pause(accepted ? 2_000 : 500, undefined, { signal })]);
  }
}

async function post(
  helper: { host: string; port: number },
  form: string,
  signal: AbortSignal,
): Promise<string> {
  const headers = {
    "content-type": "application/x-www-form-urlencoded",
    "content-length": Buffer.byteLength(form),
  };
  const call = request({
    ...helper,
    method: "POST",
    path: "/",
    headers,
    signal,
    timeout: 5_000,
    agent: false,
  });
  call.on("timeout", () => call.destroy(new Error("no answer within 5 seconds")));
  call.end(form);
  const [response] = await once(call, "response");
  let text = "";
  for await (const piece of response) text += piece;
  return `${response.statusCode} ${text.split(/\r?\n/)[0] ?? ""}`;
}

/** What is said on port 10000; other words and silence are passed over. Each rejects when the power goes. */
function listenForWords(signal: AbortSignal) {
  const said = new EventEmitter();
  const heard = (word: string): Promise<void> => {
    const promise = once(said, `word ${word}`, { signal }).then(() => {});
    promise.catch(() => {});
    return promise;
  };
  const [done, clean] = [heard("done"), heard("clean")];
  const server = createServer((socket) => {
    let text = "";
    socket.setTimeout(3_000, () => socket.destroy());
    socket.on("error", () => {});
    socket.on("data", (piece) => {
      text += piece.toString("latin1");
    });
    socket.on("close", () => void said.emit(`word ${text.trim()}`));
    socket.on("end", () => socket.end());
  });
  // `once` rejects at an error.
  server.on("error", (error) => said.emit("error", error));
  server.listen({ host: "0.0.0.0", port: 10_000, signal });
  return { done, clean, close: () => void server.close() };
}
