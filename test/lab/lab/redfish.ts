import { createWriteStream } from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { account, type Chassis } from "../../contract/power/redfish/kind.ts";
import { startMachine } from "../../contract/power/redfish/machine.ts";
import type { LabServer } from "./server.ts";

const script = fileURLToPath(new URL("chassis.sh", import.meta.url));
/** What `chassis.sh` calls what Redfish does. */
const devices: Readonly<Record<string, string>> = { Pxe: "pxe", Hdd: "disk", Cd: "cdrom" };
/** Words of OVMF, of the ramdisk, and of a paper server: it has chosen what it starts from. */
const chosen = /BdsDxe: starting|BAREMETAL up|firmware: |system: /;

/** A second controller beside a server's own, which speaks Redfish: the contract's, with a server behind it. */
export async function startRedfish(
  server: LabServer,
  tls: { readonly cert: string; readonly key: string; readonly fingerprint: string },
) {
  const { serial: SerialNumber, uuid: UUID, mac } = server;
  const chassis = chassisOf(server);
  const machine = await startMachine(tls, { chassis, tells: { SerialNumber, UUID, mac } });
  return {
    ...machine,
    /** The `power` of its Node. */
    power: {
      ...{ driver: "redfish", address: `127.0.0.1:${machine.port}`, ...account },
      fingerprint: tls.fingerprint,
    },
  };
}

function chassisOf(server: LabServer): Chassis {
  const folder = dirname(server.diskPath());
  const set = async (...words: readonly string[]) => {
    await execa(script, [folder, "0x20", "set", ...words]);
  };
  // Counts what the controller was told: what was for one start is over unless it was told something else meanwhile.
  let told = 0;
  return {
    isOn: server.isOn,
    async turn(to, spent) {
      told += 1;
      const before = told;
      await set("power", to === "On" ? "1" : "0");
      if (!spent) return;
      const over = () => (told === before ? set("boot", "none") : undefined);
      // Not at once: OVMF looks at the order some seconds after power-on. Who never gets there has used up nothing.
      server
        .waitConsole(chosen, "180 seconds")
        .then(over)
        .catch(() => {});
    },
    async aim(target) {
      told += 1;
      await set("boot", devices[target] ?? "none");
    },
    async show(url) {
      if (url === undefined) return set("disc", "out");
      const { ok, body } = await fetch(url);
      if (!ok || body === null) throw new Error("there is no image");
      await pipeline(Readable.fromWeb(body), createWriteStream(join(folder, "disc.part")));
      await set("disc", "in");
    },
  };
}
