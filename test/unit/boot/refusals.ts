import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { newContext } from "../../../provider/kernel/context.ts";
import type { BootHost } from "./host.ts";

const ctx = newContext();

/** The part of the contract in which a driver lays nothing. */
export function refusesWhatItCannotServe(host: BootHost): void {
  const { menus, cached, served, subject } = host;
  const { folder, packages, everybody } = subject;

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
      const odd = { ...host.web, deployment };
      await expect(host.boot.prepare(ctx, odd)).rejects.toMatchObject({ code: "BOOT_BAD_NAME" });
      await expect(host.boot.switchTo(ctx, odd, "boot")).rejects.toMatchObject({ code: "BOOT_BAD_NAME" });
      await expect(host.boot.seen(ctx, deployment, [])).rejects.toMatchObject({ code: "BOOT_BAD_NAME" });
      await expect(host.boot.withdraw(ctx, deployment, [])).rejects.toMatchObject({ code: "BOOT_BAD_NAME" });
      await expect(readdir(host.root)).rejects.toThrow("ENOENT");
    });

    it.for(["52-54-00-00-00-07", "../../../etc", "52:54:00:00:00:0A"])("the MAC %j", async (mac) => {
      await expect(host.boot.prepare(ctx, { ...host.web, macs: [mac] })).rejects.toMatchObject({
        code: "BOOT_BAD_MAC",
      });
    });

    it.for(["a\nkernel evil", "a\rb", "a\tb", "a\u0000b", "a\u2028b"])("the word %j", async (word) => {
      const odd = { ...host.web, deploy: { ...host.web.deploy, args: [...host.web.deploy.args, word] } };
      await expect(host.boot.prepare(ctx, odd)).rejects.toMatchObject({ code: "BOOT_BAD_WORD" });
      await expect(readdir(host.root)).rejects.toThrow("ENOENT");
    });

    it("never tells the key of a deployment", async () => {
      const odd = { ...host.web, deploy: { ...host.web.deploy, args: ["deployment_key=s3cret\n"] } };
      const error: Error = await host.boot.prepare(ctx, odd).then(
        () => new Error("accepted"),
        (error) => error,
      );
      expect(error.message).toContain('"deployment_key"');
      expect(error.message).not.toContain("s3cret");
    });

    it("a command line that would be cut off", async () => {
      const odd = { ...host.web, deploy: { ...host.web.deploy, args: ["x=".padEnd(2_000, "y")] } };
      await expect(host.boot.prepare(ctx, odd)).rejects.toMatchObject({ code: "BOOT_ARGS_TOO_LONG" });
    });

    it.for([undefined, "", "not one", "x\ny"])("the root UUID %j, and the menu stays", async (rootUuid) => {
      await host.boot.prepare(ctx, host.web);
      const before = await served(menus[0]);
      const how = rootUuid === undefined ? {} : { rootUuid };
      await expect(host.boot.switchTo(ctx, host.web, "boot", how)).rejects.toMatchObject({
        code: "BOOT_ROOT_UNKNOWN",
      });
      expect(await served(menus[0])).toBe(before);
    });
  });

  describe("failures of the host", () => {
    it("names the packages when the loader is missing, and lays nothing bootable", async () => {
      const bare = subject.open(host.root, () => ["/nowhere"]);
      const missing = {
        code: "BOOT_LOADER_MISSING",
        message: expect.stringContaining(`apt-get install ${packages}`),
      };
      await expect(bare.ready(ctx)).rejects.toMatchObject(missing);
      await expect(bare.prepare(ctx, host.web)).rejects.toMatchObject(missing);
      await expect(served(menus[0])).rejects.toThrow("ENOENT");
      await host.boot.ready(ctx);
    });

    it("names the kernel that is gone from the cache, and switches nothing on", async () => {
      await rm(cached("k"));
      await expect(host.boot.prepare(ctx, host.web)).rejects.toMatchObject({
        code: "BOOT_SOURCE_MISSING",
        message: expect.stringContaining(cached("k")),
      });
      expect(await readdir(join(host.root, folder))).toEqual([everybody.name]);
    });

    it("says where it cannot write", async () => {
      await writeFile(host.root, "a file where the folder should be");
      await expect(host.boot.prepare(ctx, host.web)).rejects.toMatchObject({ code: "BOOT_CANNOT_WRITE" });
    });

    it("ends with the signal", async () => {
      const signal = AbortSignal.abort(new Error("enough"));
      await expect(host.boot.prepare(newContext({ signal }), host.web)).rejects.toThrow("enough");
    });
  });
}
