// Runs in the namespace of a card that has the address of its first argument, and prints what a proxyDHCP server tells it by
// BIOS and by UEFI: a ROM asks everybody for an offer, and UEFI, where that names no file, whoever offered at port 4011.
import { createSocket, type Socket } from "node:dgram";
import { decodeDhcp, encodeDhcp } from "../../../provider/services/dnsmasq/packet.ts";

const [, , mac = "", address = ""] = process.argv;
const bound = async (port: number, own?: string): Promise<Socket> => {
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  await new Promise<void>((resolve) => socket.bind(port, own, resolve));
  return socket;
};
const ears = [await bound(68), await bound(68, address)] as const;
const [, mouth] = ears;
mouth.setBroadcast(true);

/** Ask until there is an answer to it, at most for four seconds. */
async function ask(arch: number, type: number, server: string, port: number) {
  const xid = 0x50584500 + arch + type;
  const question = encodeDhcp({
    op: 1,
    type,
    xid,
    mac,
    ...(port === 67 ? { broadcast: true } : { has: address }),
  });
  const name = Buffer.from(`PXEClient:Arch:${String(arch).padStart(5, "0")}:UNDI:002001`);
  // Header, cookie and option 53 are 243 bytes. PXE specification 2.1: options 60, 93, 94, 97.
  const identity = [97, 17, 0, ...Array<number>(16).fill(1)];
  const options = [60, name.length, ...name, 93, 2, 0, arch, 94, 3, 1, 2, 1, ...identity, 255];
  const asked = Buffer.concat([question.subarray(0, 243), Buffer.from(options), Buffer.alloc(60)]);
  let timer: NodeJS.Timeout | undefined;
  const answer = new Promise<Buffer | undefined>((resolve) => {
    for (const ear of ears)
      ear.on("message", (packet) => {
        const told = decodeDhcp(packet);
        if (told?.op === 2 && told.xid === xid) resolve(packet);
      });
    setTimeout(() => resolve(undefined), 4_000);
    const say = () => mouth.send(asked, port, server, () => {});
    timer = setInterval(say, 800);
    say();
  });
  const packet = await answer;
  clearInterval(timer);
  if (packet === undefined) return undefined;
  const told = decodeDhcp(packet);
  const file = packet.toString("latin1", 108, 236).split("\0")[0] ?? "";
  return { given: told?.given, server: told?.server, next: [...packet.subarray(20, 24)].join("."), file };
}

const bios = await ask(0, 1, "255.255.255.255", 67);
const offer = await ask(7, 1, "255.255.255.255", 67);
const uefi = offer?.server === undefined ? undefined : await ask(7, 3, offer.server, 4011);
console.log(JSON.stringify({ bios, offer, uefi }));
process.exit(0);
