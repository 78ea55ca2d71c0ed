import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Lab, type LabServer, readBanner } from "../../test/lab/lab/index.ts";
import { buildTestImages } from "../images/index.ts";
import { counts, drifted, type Pulumi, planned, refusal, working } from "./pulumi.ts";
import { folder, imagesFolder, part, play, say, siteOf } from "./stage.ts";

/**
 * The story of the README, told with real parts: Pulumi, IPMI, DHCP, TFTP, iSCSI and two servers of QEMU, in a network
 * namespace of their own. Started by `npm run demo`, which brings what is missing.
 */

async function configure(pulumi: Pulumi, servers: readonly LabServer[]): Promise<void> {
  const { whole, partition } = await buildTestImages(imagesFolder);
  const set = (...words: string[]) => pulumi.run(["config", "set", ...words], () => undefined);
  await pulumi.run(["stack", "init", "lab"], () => undefined);
  const rack = servers.map(({ name, mac, bmc: { address, port, user } }) => ({
    ...{ name, mac },
    controller: { address, port, user },
  }));
  await set("servers", JSON.stringify(rack));
  await set("--secret", "bmcPassword", servers[0]?.bmc.password ?? "");
  const images = {
    whole: whole.disk,
    root: partition.root,
    kernel: partition.kernel,
    ramdisk: partition.ramdisk,
  };
  const paths = Object.fromEntries(Object.entries(images).map(([key, { path }]) => [key, path]));
  await set("images", JSON.stringify(paths));
  await set("baremetal:site", JSON.stringify(siteOf({ callback: "3 minutes", answer: "3 minutes" })));
}

async function story(lab: Lab, pulumi: Pulumi): Promise<void> {
  const servers = await part("Two servers in a rack, each behind its IPMI controller", async () => {
    const made = await Promise.all(["rack1-u7", "rack1-u8"].map((name) => lab.server({ name })));
    await configure(pulumi, made);
    for (const { name, mac, bmc } of made) say(`${name}  ${mac}  controller ${bmc.address}:${bmc.port}  off`);
    return made;
  });
  await part("pulumi preview", () => pulumi.run(["preview"], planned));
  await part("pulumi up: a whole-disk image on web, and on db a partition image as Nova did it", () =>
    pulumi.run(["up", "--yes", "--skip-preview"], working),
  );
  const outputs = JSON.parse(await pulumi.run(["stack", "output", "--json"], () => undefined));
  await part("The systems answer", async () => {
    for (const name of ["web", "db"]) {
      const address: string = outputs[`${name}Address`];
      say(`${name.padEnd(4)} ${address}:22  ${await readBanner(address, "20 seconds")}`);
    }
  });
  await part("pulumi up again", async () =>
    say(counts(await pulumi.run(["up", "--yes", "--skip-preview", "--expect-no-changes"], () => undefined))),
  );
  await part("Somebody pulls the power of db; pulumi refresh finds it", async () => {
    await servers[1]?.pull();
    await pulumi.run(["refresh", "--yes", "--skip-preview", "--diff"], drifted);
  });
  await part("pulumi up repairs it", () => pulumi.run(["up", "--yes", "--skip-preview"], working));
  await part("A root disk of another size: pulumi preview refuses, and says what would be lost", async () => {
    const file = join(folder, "program/index.ts");
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replace('rootDisk: "1 GiB"', 'rootDisk: "2 GiB"'));
    await pulumi.run(["preview"], refusal, "refused");
    await writeFile(file, text);
  });
  await part("pulumi destroy", async () => {
    say(counts(await pulumi.run(["destroy", "--yes", "--skip-preview"], () => undefined)));
    for (const server of servers) say(`${server.name} is ${(await server.isOn()) ? "ON" : "off"}`);
    const left = await readdir(join(folder, "state/pulumi-baremetal/tftp/pxelinux.cfg"));
    const menus = left.filter((name) => name !== "default");
    say(menus.length === 0 ? "no boot file is left" : `boot files are left: ${menus.join(", ")}`);
    if (menus.length > 0 || (await Promise.all(servers.map(({ isOn }) => isOn()))).includes(true)) {
      throw new Error("something was left behind");
    }
  });
}

await play("examples/quickstart", story);
