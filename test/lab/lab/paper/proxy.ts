import { createSocket } from "node:dgram";
import { decodeDhcp, encodeDhcp, messages } from "../../../../provider/services/dnsmasq/packet.ts";

/** What a proxyDHCP server tells: what to boot, and from where. */
export interface BootOffer {
  readonly server: string;
  readonly file: string;
}

// PXE specification 2.1: option 60, and 93 (0 is BIOS).
const vendorClass = Buffer.from("PXEClient:Arch:00000:UNDI:002001");
const xid = 0x50584500;

/**
 * Ask what to boot as a card's boot ROM does that has an address and no file; a ROM asks both at once, of udhcpc's one
 * answer nobody knows whose it is. Undefined when nobody tells for four seconds.
 */
export async function bootOffer(
  mac: string,
  address: string,
  signal: AbortSignal,
): Promise<BootOffer | undefined> {
  const question = encodeDhcp({ op: 1, type: messages.discover, xid, mac, broadcast: true });
  // Header, cookie and option 53 are 243 bytes.
  const options = Buffer.from([60, vendorClass.length, ...vendorClass, 93, 2, 0, 0, 255]);
  const asked = Buffer.concat([question.subarray(0, 243), options, Buffer.alloc(60)]);
  const [ear, mouth] = [
    createSocket({ type: "udp4", reuseAddr: true }),
    createSocket({ type: "udp4", reuseAddr: true }),
  ];
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<BootOffer | undefined>((resolve, reject) => {
      timer = setTimeout(() => resolve(undefined), 4_000);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      for (const socket of [ear, mouth]) socket.once("error", reject);
      ear.on("message", (packet) => {
        const offer = offerIn(packet);
        if (offer) resolve(offer);
      });
      // A broadcast leaves where the socket's own address lies.
      ear.bind(68, () =>
        mouth.bind(68, address, () => {
          mouth.setBroadcast(true);
          mouth.send(asked, 67, "255.255.255.255");
        }),
      );
    });
  } finally {
    clearTimeout(timer);
    ear.close();
    mouth.close();
  }
}

/** An answer to us that names a file and no address: siaddr is at 20, the file at 108. */
function offerIn(packet: Buffer): BootOffer | undefined {
  const answer = decodeDhcp(packet);
  if (answer?.op !== 2 || answer.xid !== xid || answer.given !== undefined) return undefined;
  const file = packet.toString("latin1", 108, 236).split("\0")[0] ?? "";
  return file === "" ? undefined : { server: [...packet.subarray(20, 24)].join("."), file };
}
