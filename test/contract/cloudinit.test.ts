import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nocloudFiles, nocloudVolume } from "../../provider/services/cloudinit/documents.ts";
import { type CloudInit, unpackCloudInit } from "../fixtures/cloud-init.ts";
import { everything } from "../fixtures/configuration.ts";

const env = { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` };

describe("the volume", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "volume-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.for([512, 4096])(
    "is read by other people's tools, its label and every file, on sectors of %i bytes",
    async (sector) => {
      const path = join(folder, `cidata-${sector}`);
      // Larger than a cluster, and no end of a sector.
      const userData = `#!/bin/sh\n# ${randomBytes(20_000).toString("base64")}\n`;
      await writeFile(path, nocloudVolume({ ...everything, userData }, sector));
      const { stdout: checked } = await execa("fsck.vfat", ["-n", "-v", path], { env });
      expect(checked).toContain(`${sector} bytes per logical sector`);
      const { stdout: label } = await execa("blkid", ["-p", "-o", "export", path], { env });
      expect(label.split("\n")).toEqual(expect.arrayContaining(["LABEL=cidata", "TYPE=vfat"]));
      const { stdout: names } = await execa("mdir", ["-b", "-i", path, "::"]);
      expect(names.split("\n")).toEqual([
        ...["::/meta-data", "::/user-data", "::/vendor-data", "::/network-config"],
      ]);
      for (const { name, content } of nocloudFiles({ ...everything, userData })) {
        const { stdout } = await execa("mtype", ["-i", path, `::${name}`], {
          encoding: "buffer",
          stripFinalNewline: false,
        });
        expect(Buffer.from(stdout).equals(content), name).toBe(true);
      }
    },
  );
});

describe("cloud-init itself", () => {
  let cloudInit: CloudInit;
  const put = async (name: string) => {
    const file = nocloudFiles({ ...everything, ...(name === "bare" ? { userData: undefined } : {}) });
    const path = join(cloudInit.folder, name);
    const wanted = name === "bare" ? "user-data" : name;
    await writeFile(path, file.find((one) => one.name === wanted)?.content ?? "");
    return path;
  };
  beforeAll(async () => {
    cloudInit = await unpackCloudInit();
  }, 120_000);
  afterAll(() => cloudInit?.stop());

  it.for(["user-data", "bare", "vendor-data"])("finds its schema kept in %s", async (name) => {
    expect(await cloudInit.run("schema", "--config-file", await put(name))).toContain("Valid");
  });

  it("would say so if it were not", async () => {
    const path = join(cloudInit.folder, "wrong");
    await writeFile(path, "#cloud-config\nhostname: [1]\n");
    await expect(cloudInit.run("schema", "--config-file", path)).rejects.toThrow("hostname");
  });

  const convert = async (kind: string) => {
    const out = join(cloudInit.folder, kind);
    await cloudInit.run(
      ...["devel", "net-convert", "--network-data", await put("network-config"), "--kind", "yaml"],
      ...["--output-kind", kind, "--directory", out, "--distro", "debian"],
    );
    return out;
  };

  it("makes of network-config what Debian's ifupdown reads", async () => {
    const text = await readFile(join(await convert("eni"), "etc/network/interfaces.d/50-cloud-init"), "utf8");
    for (const line of [
      "iface net0 inet static",
      "address 10.0.0.5/24",
      "add default gw 10.0.0.1",
      "dns-nameservers 10.0.0.53 fd00::53",
      "mtu 9000",
      "address fd00::5/64",
      "gateway fd00::1",
      "bond-master bond0",
      "iface bond0 inet dhcp",
      "bond-mode 802.3ad",
      "bond-xmit-hash-policy layer3+4",
      "iface bond0.42 inet static",
      "vlan_id 42",
      "vlan-raw-device bond0",
    ]) {
      expect(text).toContain(line);
    }
    const rules = await readFile(
      join(cloudInit.folder, "eni/etc/udev/rules.d/70-persistent-net.rules"),
      "utf8",
    );
    expect(rules).toContain('ATTR{address}=="52:54:00:00:00:07", NAME="net0"');
  });

  it("hands network-config on to netplan, and finds every card in it by its MAC for NetworkManager", async () => {
    const netplan = await readFile(join(await convert("netplan"), "etc/netplan/50-cloud-init.yaml"), "utf8");
    for (const word of [
      "bond0.42:",
      "macaddress: '10:20:30:40:50:01'",
      "gateway6: fd00::1",
      "lacp-rate: fast",
    ])
      expect(netplan).toContain(word);
    const folder = join(await convert("network-manager"), "etc/NetworkManager/system-connections");
    const card = await readFile(join(folder, "cloud-init-net0.nmconnection"), "utf8");
    expect(card).toContain("mac-address=52:54:00:00:00:07");
    expect(card).toContain("address1=10.0.0.5/24");
  });
});
