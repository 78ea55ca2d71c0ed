import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { BootFiles } from "../../../provider/drivers/boot/driver.ts";
import { newContext } from "../../../provider/kernel/context.ts";
import { type BootSubject, bootHost, macs } from "./host.ts";
import { refusesWhatItCannotServe } from "./refusals.ts";

const ctx = newContext();
const uuid = "11111111-2222-3333-4444-555555555501";
const files = ["config", "deploy_kernel", "deploy_ramdisk", "kernel", "ramdisk"];

/** Every boot driver does this, whatever its loader. */
export function obeysBootContract(subject: BootSubject): void {
  const { loaders, folder, everybody, golden, starts } = subject;
  const names = macs.map(subject.menuName);
  const tree = [...loaders, folder].sort();
  const host = bootHost(subject);
  const { menus, cached, served } = host;

  describe("a menu", () => {
    it("boots the deploy ramdisk first, from each card", async () => {
      await host.boot.prepare(ctx, host.web);
      const text = golden("deploy", { root: "{ROOT}" });
      for (const mac of macs) {
        expect(await served(`${folder}/${subject.menuName(mac)}`)).toBe(subject.forMac(text, mac));
      }
      expect(await served("web-1/config")).toBe(subject.config(text));
    });

    it("boots the ramdisk of a visit, whose name no instance can have", async () => {
      const visit: BootFiles = { ...host.web, deployment: "visit@web-1", boot: "local" };
      await host.boot.prepare(ctx, visit);
      expect(await served(menus[0])).toContain(starts("visit@web-1/deploy_kernel"));
      await host.boot.withdraw(ctx, visit.deployment, macs);
      expect(await host.boot.seen(ctx, visit.deployment, macs)).toBeUndefined();
    });

    it("boots the image's own kernel, with the root's UUID, when it was switched", async () => {
      await host.boot.prepare(ctx, host.web);
      await host.boot.switchTo(ctx, host.web, "boot", { rootUuid: uuid });
      const text = golden("boot", { root: `UUID=${uuid}` });
      for (const mac of macs) {
        expect(await served(`${folder}/${subject.menuName(mac)}`)).toBe(subject.forMac(text, mac));
      }
    });

    it("boots the local disk for a whole-disk image", async () => {
      const local: BootFiles = { ...host.web, boot: "local" };
      await host.boot.prepare(ctx, local);
      expect(await served(menus[0])).toBe(golden("deploy", "local"));
      await host.boot.switchTo(ctx, local, "boot");
      expect(await served(menus[0])).toBe(golden("boot", "local"));
      expect(await readdir(join(host.root, "web-1"))).toEqual(["config", "deploy_kernel", "deploy_ramdisk"]);
    });
  });

  describe("the tree", () => {
    it("boots the local disk for everybody else", async () => {
      await host.boot.prepare(ctx, host.web);
      expect(await served(`${folder}/${everybody.name}`)).toBe(everybody.text);
    });

    it("is Nova's, with the loader beside it and nothing else", async () => {
      await host.boot.prepare(ctx, host.web);
      expect((await readdir(host.root)).sort()).toEqual([...tree, "web-1"].sort());
      expect((await readdir(join(host.root, "web-1"))).sort()).toEqual(files);
      expect((await readdir(join(host.root, folder))).sort()).toEqual([...names, everybody.name].sort());
      expect(await Promise.all(files.slice(1).map((name) => served(`web-1/${name}`)))).toEqual([
        "dk",
        "dr",
        "k",
        "r",
      ]);
      for (const name of menus) expect((await stat(join(host.root, name))).isFile()).toBe(true);
    });

    it("shares one ramdisk among deployments, by links", async () => {
      await host.boot.prepare(ctx, host.web);
      await host.boot.prepare(ctx, { ...host.web, deployment: "web-2", macs: ["52:54:00:00:00:09"] });
      const inodes = [
        cached("dr"),
        join(host.root, "web-1/deploy_ramdisk"),
        join(host.root, "web-2/deploy_ramdisk"),
      ];
      expect(new Set((await Promise.all(inodes.map((path) => stat(path)))).map(({ ino }) => ino)).size).toBe(
        1,
      );
    });

    it("copies what not everybody may read, so that a TFTP server serves it", async () => {
      await chmod(cached("dr"), 0o600);
      await host.boot.prepare(ctx, host.web);
      const copy = await stat(join(host.root, "web-1/deploy_ramdisk"));
      expect(copy.mode & 0o777).toBe(0o644);
      expect((await stat(cached("dr"))).mode & 0o777).toBe(0o600);
    });

    it("serves the file behind a link of the cache, and the new one when it is laid again", async () => {
      await symlink(cached("dk"), cached("link"));
      const linked = { ...host.web, deploy: { ...host.web.deploy, kernel: cached("link") } };
      await host.boot.prepare(ctx, linked);
      expect(await served("web-1/deploy_kernel")).toBe("dk");
      await writeFile(cached("newer"), "newer");
      await host.boot.prepare(ctx, { ...host.web, deploy: { ...host.web.deploy, kernel: cached("newer") } });
      expect(await served("web-1/deploy_kernel")).toBe("newer");
      expect(await readFile(cached("dk"), "utf8")).toBe("dk");
    });

    it("is the same when it is asked for twice, and goes back to deploy", async () => {
      await host.boot.prepare(ctx, host.web);
      const first = await host.boot.seen(ctx, "web-1", macs);
      await host.boot.switchTo(ctx, host.web, "boot", { rootUuid: uuid });
      await host.boot.prepare(ctx, host.web);
      await host.boot.prepare(ctx, host.web);
      expect(await host.boot.seen(ctx, "web-1", macs)).toEqual(first);
      expect((await readdir(join(host.root, "web-1"))).sort()).toEqual(files);
    });

    it("loses the menu of a card that is the deployment's no more", async () => {
      await host.boot.prepare(ctx, host.web);
      await host.boot.prepare(ctx, { ...host.web, macs: macs.slice(0, 1) });
      await expect(served(menus[1])).rejects.toThrow("ENOENT");
    });

    it("leaves a default menu that somebody else wrote", async () => {
      await mkdir(join(host.root, folder), { recursive: true });
      await writeFile(join(host.root, folder, everybody.name), "default theirs\n");
      await host.boot.prepare(ctx, host.web);
      expect(await served(`${folder}/${everybody.name}`)).toBe("default theirs\n");
    });
  });

  describe("what is seen", () => {
    it("is nothing before, the label after, and nothing again when it is withdrawn", async () => {
      expect(await host.boot.seen(ctx, "web-1", macs)).toBeUndefined();
      await host.boot.prepare(ctx, host.web);
      expect(await host.boot.seen(ctx, "web-1", macs)).toMatchObject({ label: "deploy", missing: [] });
      await host.boot.switchTo(ctx, host.web, "boot", { rootUuid: uuid });
      const seen = await host.boot.seen(ctx, "web-1", macs);
      expect(seen).toMatchObject({
        label: "boot",
        missing: [],
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
      expect(await host.boot.seen(ctx, "web-1", [...macs].reverse())).toEqual(seen);
      await host.boot.withdraw(ctx, "web-1", macs);
      expect(await host.boot.seen(ctx, "web-1", macs)).toBeUndefined();
    });

    it("shows a file that was edited by hand, one that is gone, and one that is another's", async () => {
      await host.boot.prepare(ctx, host.web);
      const before = await host.boot.seen(ctx, "web-1", macs);
      await writeFile(join(host.root, menus[0]), `${await served(menus[0])}# mine\n`);
      expect((await host.boot.seen(ctx, "web-1", macs))?.digest).not.toBe(before?.digest);
      await rm(join(host.root, "web-1/ramdisk"));
      await host.boot.prepare(ctx, { ...host.web, deployment: "web-2", macs: macs.slice(1) });
      expect((await host.boot.seen(ctx, "web-1", macs))?.missing).toEqual([menus[1], "web-1/ramdisk"]);
    });
  });

  describe("withdrawing", () => {
    it("takes the folder and the menus, keeps the loader, and does no harm twice", async () => {
      await host.boot.prepare(ctx, host.web);
      await host.boot.withdraw(ctx, "web-1", macs);
      await host.boot.withdraw(ctx, "web-1", macs);
      expect((await readdir(host.root)).sort()).toEqual(tree);
      expect(await readdir(join(host.root, folder))).toEqual([everybody.name]);
      expect(await readFile(cached("dr"), "utf8")).toBe("dr");
    });

    it("leaves the menu of a card that another deployment has by now", async () => {
      await host.boot.prepare(ctx, host.web);
      await host.boot.prepare(ctx, { ...host.web, deployment: "web-2", macs: macs.slice(1) });
      await host.boot.withdraw(ctx, "web-1", macs);
      expect((await readdir(join(host.root, folder))).sort()).toEqual([names[1], everybody.name].sort());
      expect(await served(menus[1])).toContain(starts("web-2/deploy_kernel"));
    });

    it("takes a menu whose words were lost by hand: it could boot the writer again", async () => {
      await host.boot.prepare(ctx, host.web);
      await writeFile(join(host.root, menus[0]), "default deploy\n");
      await host.boot.withdraw(ctx, "web-1", macs);
      expect(await readdir(join(host.root, folder))).toEqual([everybody.name]);
    });
  });

  refusesWhatItCannotServe(host);
}
