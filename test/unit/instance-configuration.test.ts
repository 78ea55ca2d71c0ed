import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { volumeSize } from "../../provider/services/cloudinit/documents.ts";
import { publicKey } from "../fixtures/configuration.ts";
import { type FakeSite, openFakeSite, owner, ref, specs } from "../fixtures/site-parts.ts";
import { declare, enrol } from "../fixtures/site-world.ts";

const planted = "PLANTED-5c1e";
const told = {
  sshKeys: [publicKey],
  userData: `#cloud-config\nwrite_files: [{ path: /etc/secret, content: ${planted} }]\n`,
  networks: { ethernets: [{ interface: "n1-eth0", dhcp4: true }], bonds: [], vlans: [] },
};

let site: FakeSite;
beforeEach(async () => {
  site = await openFakeSite();
  site.answerRamdisks();
  await enrol(site, "n1");
  await declare(site);
});
afterEach(() => site.close());

/** What the writer was given beside the image at its last write, as text; undefined when nothing. */
const volumeText = () => site.writing.mock.calls.at(-1)?.[0].volume?.toString("utf8");
const idOf = async () => (await site.store.deployment("Web_1"))?.record.id ?? "";
const install = (more: object) =>
  site.instances.ensure(site.ctx, ref("Web_1"), specs.instance({ node: "n1", ...more }));
const faultsOf = async (more: object) => {
  const spec = specs.instance({ node: "n1", ...more });
  const { failures } = await site.instances.plan(site.ctx, ref("Web_1"), spec, { dryRun: true });
  return failures.map(({ property, reason }) => `${property}: ${reason}`);
};

describe("what a program tells a system", () => {
  it("goes beside the image, with the deployment's id and the MAC of the card that is named", async () => {
    await install(told);
    const text = volumeText() ?? "";
    expect(text.length).toBeGreaterThan(volumeSize / 2);
    expect(text).toContain(`instance-id: "${await idOf()}"`);
    expect(text).toContain('local-hostname: "web-1"');
    expect(text).toContain(publicKey);
    expect(text).toContain(told.userData);
    expect(text).toContain(`macaddress: "${site.serverAt("10.0.0.1").mac}"`);
  });

  it("is another system's after a reinstall, and nothing where nothing is told", async () => {
    await install(told);
    const first = await idOf();
    const state = (await site.store.get("instances", "Web_1"))?.state ?? {};
    const spec = specs.instance({
      node: "n1",
      hostname: "db",
      allowReinstall: ["hostname", "sshKeys", "userData", "networks"],
    });
    await site.instances.ensure(site.ctx, ref("Web_1"), spec, { state: { ...state, __owner: owner } });
    expect(volumeText()).toContain('local-hostname: "db"');
    expect(volumeText()).not.toContain(first);
    expect(volumeText()).toContain(await idOf());
    expect(site.writing).toHaveBeenCalledTimes(2);
    const bare = specs.instance({ node: "n1", allowReinstall: ["hostname"] });
    await site.instances.ensure(site.ctx, ref("Web_1"), bare, {});
    expect(site.writing).toHaveBeenCalledTimes(3);
    expect(volumeText()).toBeUndefined();
  });

  it("erases nothing by being changed, unless that is allowed", async () => {
    await install(told);
    const changed = await faultsOf({ ...told, userData: "#!/bin/sh\n" });
    expect(changed.join()).toContain("the change of userData reinstalls instance Web_1");
    expect(changed.join()).not.toContain(planted);
  });

  it("lies in no file of the store in clear, in no log and in no list", async () => {
    await install(told);
    await faultsOf({ ...told, hostname: "other" });
    const folder = site.parts.settings.stateDir ?? "";
    const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name));
    const texts = await Promise.all(files.map((file) => readFile(file, "latin1")));
    expect(texts.some((text) => text.includes("n1-eth0"))).toBe(true); // so this would find it
    expect(texts.some((text) => text.includes(planted))).toBe(false);
    expect((await site.store.get("instances", "Web_1"))?.spec).toMatchObject({ userData: told.userData });
    expect(JSON.stringify(await site.instances.list(site.ctx))).not.toContain(planted);
    expect([...site.words, ...site.done].join()).not.toContain(planted);
  });
});

describe("an image without cloud-init", () => {
  const partition = { kernel: { source: "/k" }, ramdisk: { source: "/r" } };
  const files = { configureBy: "files", hostname: "db", sshKeys: [publicKey], networks: told.networks };

  it("is told by files in the copy of it that is written, and gets no volume", async () => {
    await site.images.ensure(site.ctx, ref("p"), { ...specs.image, ...partition });
    await install({ ...files, image: "p" });
    expect(volumeText()).toBeUndefined();
    const given = site.writing.mock.calls.at(-1)?.[0].files ?? [];
    expect(given.map(({ path }) => path)).toEqual([
      "/etc/hostname",
      "/root/.ssh/authorized_keys",
      "/etc/network/interfaces",
      "/etc/udev/rules.d/70-persistent-net.rules",
    ]);
    expect(given[3]?.content).toContain(`ATTR{address}=="${site.serverAt("10.0.0.1").mac}", NAME="net0"`);
  });

  it("has to be a partition image, which the preview says", async () => {
    expect(await faultsOf(files)).toEqual([
      expect.stringContaining("configureBy: instance Web_1 is to be configured by files, and its image"),
    ]);
  });
});

describe("at preview", () => {
  it("a card of another server, or of none, is refused at `networks`", async () => {
    await enrol(site, "n2");
    const networks = {
      ...told.networks,
      ethernets: ["n1-eth0", "n2-eth0", "n9-eth0"].map((card) => ({ interface: card })),
    };
    const found = await faultsOf({ networks });
    expect(found).toEqual([
      expect.stringContaining(
        "networks: `networks` of instance Web_1 names the Interface n2-eth0, which is no card of node n1",
      ),
      expect.stringContaining("networks: `networks` of instance Web_1 names the Interface n9-eth0"),
    ]);
    await expect(install({ networks })).rejects.toMatchObject({ code: "INSTANCE_NETWORK_CARD" });
    expect(site.serverAt("10.0.0.1").log).toEqual(["probe"]); // of its enrolment
  });

  it("partitions that leave no room on the disk as it is declared are refused, with what is missing", async () => {
    const kernel = { kernel: { source: "/k" }, ramdisk: { source: "/r" } };
    await site.images.ensure(site.ctx, ref("p"), { ...specs.image, ...kernel });
    await site.flavors.ensure(site.ctx, ref("tight"), { ...specs.flavor, rootDisk: "100 GB" });
    const tight = { flavor: "tight", image: "p" };
    const [fault, ...more] = await faultsOf({ ...tight, hostname: "web" });
    expect(fault).toContain("flavor: the disk of node n1 is declared with 100 GB");
    expect(fault).toContain("3 MiB are missing");
    expect(more).toEqual([]);
    expect(await faultsOf(tight)).toEqual([]);
  });
});
