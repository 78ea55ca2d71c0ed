import type { Lab, LabServer } from "../../test/lab/lab/index.ts";
import { againstBlank, enter, makeKey, modernServer } from "../../test/lab/modern.ts";
import { buildDebianImage } from "../images/debian.ts";
import { counts, type Pulumi, planned, working } from "./pulumi.ts";
import { folder, imagesFolder, part, play, say, siteOf } from "./stage.ts";

/**
 * A server and an image of today: UEFI with Secure Boot, the NVMe among three disks, two cards as one bond with a VLAN, a
 * stock Debian told by cloud-init, which phones home. Started by `npm run demo -- modern`, which brings what is missing.
 */

async function configure(pulumi: Pulumi, server: LabServer, sshKey: string): Promise<void> {
  const set = (...words: string[]) => pulumi.run(["config", "set", ...words], () => undefined);
  await pulumi.run(["stack", "init", "lab"], () => undefined);
  const { name, mac, moreMacs, bmc } = server;
  const { address, port, user, password } = bmc;
  await set(
    "server",
    JSON.stringify({ name, macs: [mac, ...moreMacs], controller: { address, port, user } }),
  );
  await set("--secret", "bmcPassword", password);
  await set("image", await buildDebianImage(imagesFolder));
  await set("sshKey", sshKey);
  const site = siteOf({ callback: "4 minutes", answer: "15 minutes" });
  await set("baremetal:site", JSON.stringify({ ...site, maxErase: "100%" }));
}

async function story(lab: Lab, pulumi: Pulumi): Promise<void> {
  const key = await makeKey(folder);
  const server = await part("A server in a rack: UEFI, Secure Boot, three disks, two cards", async () => {
    const made = await lab.server(modernServer);
    await configure(pulumi, made, key.text);
    say(`${made.name}  ${[made.mac, ...made.moreMacs].join("  ")}  off`);
    return made;
  });
  await part("pulumi preview", () => pulumi.run(["preview"], planned));
  await part("pulumi up: a stock Debian, told by cloud-init, that phones home when it is done", () =>
    pulumi.run(["up", "--yes", "--skip-preview"], working),
  );
  const outputs = JSON.parse(await pulumi.run(["stack", "output", "--json"], () => undefined)) as Outputs;
  await part("ssh, trusting the host keys that the system told, and no others", () =>
    lookInside(key.path, outputs),
  );
  await part("pulumi up again", async () =>
    say(counts(await pulumi.run(["up", "--yes", "--skip-preview", "--expect-no-changes"], () => undefined))),
  );
  await part("pulumi destroy: the disk is handed back clean", async () => {
    await pulumi.run(["destroy", "--yes", "--skip-preview"], working);
    say(`its disk, against one that was never written: ${await againstBlank(server.diskPath(1))}`);
  });
}

interface Outputs {
  readonly address: string;
  readonly hostKeys: readonly string[];
}

async function lookInside(key: string, outputs: Outputs): Promise<void> {
  const look = "uname -n; df -h --output=source,size / | tail -n 1; ip -br -4 addr show up";
  for (const line of (await enter({ ...outputs, key }, look)).split("\n")) say(line);
}

await play("examples/modern", story);
