import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BootDriver, BootFiles } from "../../../provider/drivers/boot/driver.ts";
import { newContext } from "../../../provider/kernel/context.ts";

/** What a boot driver is held against. */
export interface BootSubject {
  readonly open: (tftpRoot: string, loaders: (name: string) => readonly string[]) => BootDriver;
  /** Names of the loader's files under the root, and the packages that bring them. */
  readonly loaders: readonly string[];
  readonly packages: string;
  readonly folder: string;
  readonly menuName: (mac: string) => string;
  /** What a server finds that has no deployment, in `folder`. */
  readonly everybody: { readonly name: string; readonly text: string };
  /** The menu of 52:54:00:00:00:07 with this label, when `boot` is the network with this root, or the local disk. */
  readonly golden: (label: "deploy" | "boot", boot: { readonly root: string } | "local") => string;
  /** How a menu names a kernel of this path. */
  readonly starts: (kernel: string) => string;
  /** The golden text, made into that of another MAC. */
  readonly forMac: (text: string, mac: string) => string;
  /** What Nova's `config` holds, from the golden text. */
  readonly config: (text: string) => string;
}

const ctx = newContext();
const uuid = "11111111-2222-3333-4444-555555555501";
const macs = ["52:54:00:00:00:07", "52:54:00:00:00:08"] as const;
const files = ["config", "deploy_kernel", "deploy_ramdisk", "kernel", "ramdisk"];

/** The inputs of every test: what is to be served for `web-1`, from a folder that plays the cache. */
const webFiles = (cached: (name: string) => string): BootFiles => ({
  deployment: "web-1",
  macs,
  deploy: {
    kernel: cached("dk"),
    ramdisk: cached("dr"),
    args: ["selinux=0", "disk=cciss/c0d0,sda,hda,vda", "deployment_id=7", "deployment_key=s3cret", "nofb"],
  },
  boot: { kernel: cached("k"), ramdisk: cached("r"), args: ["root={ROOT}", "ro", "nofb"] },
});

/** Every boot driver does this, whatever its loader. */
export function obeysBootContract(subject: BootSubject): void {
  const { loaders, packages, folder, everybody, golden, starts } = subject;
  const menus = macs.map((mac) => `${folder}/${subject.menuName(mac)}`) as [string, string];
  const names = macs.map(subject.menuName);
  const tree = [...loaders, folder].sort();

  let dir: string;
  let root: string;
  let boot: BootDriver;
  let web: BootFiles;
  const cached = (name: string) => join(dir, "cache", name);
  const served = (name: string) => readFile(join(root, name), "utf8");

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "boot-"));
    root = join(dir, "tftp");
    await mkdir(join(dir, "cache"));
    for (const name of ["dk", "dr", "k", "r", ...loaders]) await writeFile(cached(name), name);
    boot = subject.open(root, (name) => ["/nowhere", cached(name)]);
    web = webFiles(cached);
  });
  afterEach(() => rm(dir, { recursive: true }));

  describe("a menu", () => {
    it("boots the deploy ramdisk first, from each card", async () => {
      await boot.prepare(ctx, web);
      const text = golden("deploy", { root: "{ROOT}" });
      for (const mac of macs) {
        expect(await served(`${folder}/${subject.menuName(mac)}`)).toBe(subject.forMac(text, mac));
      }
      expect(await served("web-1/config")).toBe(subject.config(text));
    });

    it("boots the ramdisk of a visit, whose name no instance can have", async () => {
      const visit: BootFiles = { ...web, deployment: "visit@web-1", boot: "local" };
      await boot.prepare(ctx, visit);
      expect(await served(menus[0])).toContain(starts("visit@web-1/deploy_kernel"));
      await boot.withdraw(ctx, visit.deployment, macs);
      expect(await boot.seen(ctx, visit.deployment, macs)).toBeUndefined();
    });

    it("boots the image's own kernel, with the root's UUID, when it was switched", async () => {
      await boot.prepare(ctx, web);
      await boot.switchTo(ctx, web, "boot", { rootUuid: uuid });
      const text = golden("boot", { root: `UUID=${uuid}` });
      for (const mac of macs) {
        expect(await served(`${folder}/${subject.menuName(mac)}`)).toBe(subject.forMac(text, mac));
      }
    });

    it("boots the local disk for a whole-disk image", async () => {
      const local: BootFiles = { ...web, boot: "local" };
      await boot.prepare(ctx, local);
      expect(await served(menus[0])).toBe(golden("deploy", "local"));
      await boot.switchTo(ctx, local, "boot");
      expect(await served(menus[0])).toBe(golden("boot", "local"));
      expect(await readdir(join(root, "web-1"))).toEqual(["config", "deploy_kernel", "deploy_ramdisk"]);
    });
  });

  describe("the tree", () => {
    it("boots the local disk for everybody else", async () => {
      await boot.prepare(ctx, web);
      expect(await served(`${folder}/${everybody.name}`)).toBe(everybody.text);
    });

    it("is Nova's, with the loader beside it and nothing else", async () => {
      await boot.prepare(ctx, web);
      expect((await readdir(root)).sort()).toEqual([...tree, "web-1"].sort());
      expect((await readdir(join(root, "web-1"))).sort()).toEqual(files);
      expect((await readdir(join(root, folder))).sort()).toEqual([...names, everybody.name].sort());
      expect(await Promise.all(files.slice(1).map((name) => served(`web-1/${name}`)))).toEqual([
        "dk",
        "dr",
        "k",
        "r",
      ]);
      for (const name of menus) expect((await stat(join(root, name))).isFile()).toBe(true);
    });

    it("shares one ramdisk among deployments, by links", async () => {
      await boot.prepare(ctx, web);
      await boot.prepare(ctx, { ...web, deployment: "web-2", macs: ["52:54:00:00:00:09"] });
      const inodes = [cached("dr"), join(root, "web-1/deploy_ramdisk"), join(root, "web-2/deploy_ramdisk")];
      expect(new Set((await Promise.all(inodes.map((path) => stat(path)))).map(({ ino }) => ino)).size).toBe(
        1,
      );
    });

    it("copies what not everybody may read, so that a TFTP server serves it", async () => {
      await chmod(cached("dr"), 0o600);
      await boot.prepare(ctx, web);
      const copy = await stat(join(root, "web-1/deploy_ramdisk"));
      expect(copy.mode & 0o777).toBe(0o644);
      expect((await stat(cached("dr"))).mode & 0o777).toBe(0o600);
    });

    it("serves the file behind a link of the cache, and the new one when it is laid again", async () => {
      await symlink(cached("dk"), cached("link"));
      const linked = { ...web, deploy: { ...web.deploy, kernel: cached("link") } };
      await boot.prepare(ctx, linked);
      expect(await served("web-1/deploy_kernel")).toBe("dk");
      await writeFile(cached("newer"), "newer");
      await boot.prepare(ctx, { ...web, deploy: { ...web.deploy, kernel: cached("newer") } });
      expect(await served("web-1/deploy_kernel")).toBe("newer");
      expect(await readFile(cached("dk"), "utf8")).toBe("dk");
    });

    it("is the same when it is asked for twice, and goes back to deploy", async () => {
      await boot.prepare(ctx, web);
      const first = await boot.seen(ctx, "web-1", macs);
      await boot.switchTo(ctx, web, "boot", { rootUuid: uuid });
      await boot.prepare(ctx, web);
      await boot.prepare(ctx, web);
      expect(await boot.seen(ctx, "web-1", macs)).toEqual(first);
      expect((await readdir(join(root, "web-1"))).sort()).toEqual(files);
    });

    it("loses the menu of a card that is the deployment's no more", async () => {
      await boot.prepare(ctx, web);
      await boot.prepare(ctx, { ...web, macs: macs.slice(0, 1) });
      await expect(served(menus[1])).rejects.toThrow("ENOENT");
    });

    it("leaves a default menu that somebody else wrote", async () => {
      await mkdir(join(root, folder), { recursive: true });
      await writeFile(join(root, folder, everybody.name), "default theirs\n");
      await boot.prepare(ctx, web);
      expect(await served(`${folder}/${everybody.name}`)).toBe("default theirs\n");
    });
  });

  describe("what is seen", () => {
    it("is nothing before, the label after, and nothing again when it is withdrawn", async () => {
      expect(await boot.seen(ctx, "web-1", macs)).toBeUndefined();
      await boot.prepare(ctx, web);
      expect(await boot.seen(ctx, "web-1", macs)).toMatchObject({ label: "deploy", missing: [] });
      await boot.switchTo(ctx, web, "boot", { rootUuid: uuid });
      const seen = await boot.seen(ctx, "web-1", macs);
      expect(seen).toMatchObject({
        label: "boot",
        missing: [],
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
      expect(await boot.seen(ctx, "web-1", [...macs].reverse())).toEqual(seen);
      await boot.withdraw(ctx, "web-1", macs);
      expect(await boot.seen(ctx, "web-1", macs)).toBeUndefined();
    });

    it("shows a file that was edited by hand, one that is gone, and one that is another's", async () => {
      await boot.prepare(ctx, web);
      const before = await boot.seen(ctx, "web-1", macs);
      await writeFile(join(root, menus[0]), `${await served(menus[0])}# mine\n`);
      expect((await boot.seen(ctx, "web-1", macs))?.digest).not.toBe(before?.digest);
      await rm(join(root, "web-1/ramdisk"));
      await boot.prepare(ctx, { ...web, deployment: "web-2", macs: macs.slice(1) });
      expect((await boot.seen(ctx, "web-1", macs))?.missing).toEqual([menus[1], "web-1/ramdisk"]);
    });
  });

  describe("withdrawing", () => {
    it("takes the folder and the menus, keeps the loader, and does no harm twice", async () => {
      await boot.prepare(ctx, web);
      await boot.withdraw(ctx, "web-1", macs);
      await boot.withdraw(ctx, "web-1", macs);
      expect((await readdir(root)).sort()).toEqual(tree);
      expect(await readdir(join(root, folder))).toEqual([everybody.name]);
      expect(await readFile(cached("dr"), "utf8")).toBe("dr");
    });

    it("leaves the menu of a card that another deployment has by now", async () => {
      await boot.prepare(ctx, web);
      await boot.prepare(ctx, { ...web, deployment: "web-2", macs: macs.slice(1) });
      await boot.withdraw(ctx, "web-1", macs);
      expect((await readdir(join(root, folder))).sort()).toEqual([names[1], everybody.name].sort());
      expect(await served(menus[1])).toContain(starts("web-2/deploy_kernel"));
    });

    it("takes a menu whose words were lost by hand: it could boot the writer again", async () => {
      await boot.prepare(ctx, web);
      await writeFile(join(root, menus[0]), "default deploy\n");
      await boot.withdraw(ctx, "web-1", macs);
      expect(await readdir(join(root, folder))).toEqual([everybody.name]);
    });
  });

  describe("what is refused, with nothing laid", () => {
    it.for([
      "",
      ".",
      "..",
      "../x",
      "a/b",
      "a b",
      "-x",
      "a\nb",
      "pxelinux.cfg",
      "PXELINUX.0",
      "grub",
      "x".repeat(64),
      "visit@",
      "visit@../x",
      "other@n1",
    ])("the name %j", async (deployment) => {
      const odd = { ...web, deployment };
      await expect(boot.prepare(ctx, odd)).rejects.toMatchObject({ code: "BOOT_BAD_NAME" });
      await expect(boot.switchTo(ctx, odd, "boot")).rejects.toMatchObject({ code: "BOOT_BAD_NAME" });
      await expect(boot.seen(ctx, deployment, [])).rejects.toMatchObject({ code: "BOOT_BAD_NAME" });
      await expect(boot.withdraw(ctx, deployment, [])).rejects.toMatchObject({ code: "BOOT_BAD_NAME" });
      await expect(readdir(root)).rejects.toThrow("ENOENT");
    });

    it.for(["52-54-00-00-00-07", "../../../etc", "52:54:00:00:00:0A"])("the MAC %j", async (mac) => {
      await expect(boot.prepare(ctx, { ...web, macs: [mac] })).rejects.toMatchObject({
        code: "BOOT_BAD_MAC",
      });
    });

    it.for(["a\nkernel evil", "a\rb", "a\tb", "a\u0000b", "a\u2028b"])("the word %j", async (word) => {
      const odd = { ...web, deploy: { ...web.deploy, args: [...web.deploy.args, word] } };
      await expect(boot.prepare(ctx, odd)).rejects.toMatchObject({ code: "BOOT_BAD_WORD" });
      await expect(readdir(root)).rejects.toThrow("ENOENT");
    });

    it("never tells the key of a deployment", async () => {
      const odd = { ...web, deploy: { ...web.deploy, args: ["deployment_key=s3cret\n"] } };
      const error: Error = await boot.prepare(ctx, odd).then(
        () => new Error("accepted"),
        (error) => error,
      );
      expect(error.message).toContain('"deployment_key"');
      expect(error.message).not.toContain("s3cret");
    });

    it("a command line that would be cut off", async () => {
      const odd = { ...web, deploy: { ...web.deploy, args: ["x=".padEnd(2_000, "y")] } };
      await expect(boot.prepare(ctx, odd)).rejects.toMatchObject({ code: "BOOT_ARGS_TOO_LONG" });
    });

    it.for([undefined, "", "not one", "x\ny"])("the root UUID %j, and the menu stays", async (rootUuid) => {
      await boot.prepare(ctx, web);
      const before = await served(menus[0]);
      const how = rootUuid === undefined ? {} : { rootUuid };
      await expect(boot.switchTo(ctx, web, "boot", how)).rejects.toMatchObject({ code: "BOOT_ROOT_UNKNOWN" });
      expect(await served(menus[0])).toBe(before);
    });
  });

  describe("failures of the host", () => {
    it("names the packages when the loader is missing, and lays nothing bootable", async () => {
      const bare = subject.open(root, () => ["/nowhere"]);
      const missing = {
        code: "BOOT_LOADER_MISSING",
        message: expect.stringContaining(`apt-get install ${packages}`),
      };
      await expect(bare.ready(ctx)).rejects.toMatchObject(missing);
      await expect(bare.prepare(ctx, web)).rejects.toMatchObject(missing);
      await expect(served(menus[0])).rejects.toThrow("ENOENT");
      await boot.ready(ctx);
    });

    it("names the kernel that is gone from the cache, and switches nothing on", async () => {
      await rm(cached("k"));
      await expect(boot.prepare(ctx, web)).rejects.toMatchObject({
        code: "BOOT_SOURCE_MISSING",
        message: expect.stringContaining(cached("k")),
      });
      expect(await readdir(join(root, folder))).toEqual([everybody.name]);
    });

    it("says where it cannot write", async () => {
      await writeFile(root, "a file where the folder should be");
      await expect(boot.prepare(ctx, web)).rejects.toMatchObject({ code: "BOOT_CANNOT_WRITE" });
    });

    it("ends with the signal", async () => {
      const signal = AbortSignal.abort(new Error("enough"));
      await expect(boot.prepare(newContext({ signal }), web)).rejects.toThrow("enough");
    });
  });
}
