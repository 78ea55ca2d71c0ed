import { randomBytes } from "node:crypto";
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openWorkspace, reason, type Workspace } from "./workspace.ts";

describe.skipIf(reason)("what a program declares", () => {
  let workspace: Workspace;
  const preview = async (text: string) => {
    await workspace.write(text);
    return workspace.pulumi("preview", "--stack", "dev");
  };

  beforeAll(async () => {
    workspace = await openWorkspace("inputs", ["dev"]);
    await makeImages(workspace.program);
  });
  afterAll(() => workspace?.close());

  it("type-checks as the quickstart does, from the packed archive", async () => {
    const tsc = join(import.meta.dirname, "../../node_modules/.bin/tsc");
    const quickstart = join(import.meta.dirname, "../../examples/quickstart/index.ts");
    await copyFile(quickstart, join(workspace.program, "index.ts"));
    const done = await execa(tsc, ["--project", "."], { cwd: workspace.program, all: true, reject: false });
    expect({ exitCode: done.exitCode, all: done.all }).toEqual({ exitCode: 0, all: "" });
  });

  it.for([
    {
      what: "an image that is only the difference to another one, beside a missing kernel and a changed ramdisk",
      args: `source: "./over.qcow2", kernel: { source: "./none" }, ramdisk: { source: "./disk.raw", checksum: "sha256:${"0".repeat(64)}" }`,
      says: [
        /property source value \{\.\/over\.qcow2\} has a problem: .*base\.qcow2.*qemu-img convert.*\[IMAGE_HAS_BACKING_FILE\]/,
        /has a problem: kernel\.source: there is no image at \/.*none.*\[IMAGE_MISSING\]/,
        /has a problem: ramdisk\.source: .* has the digest sha256:[0-9a-f]+, not .*\[IMAGE_WRONG_DIGEST\]/,
      ],
    },
    {
      what: "an image that is not what it is declared as",
      args: `source: "./disk.raw", format: "qcow2"`,
      says: [
        /property source value .* is declared as qcow2, but its content is raw\. .*\[IMAGE_WRONG_FORMAT\]/,
      ],
    },
    {
      what: "an image that is cut short",
      args: `source: "./cut.qcow2"`,
      says: [/property source value .* is cut short: .*\[IMAGE_TRUNCATED\]/],
    },
  ])("refuses $what at preview", async ({ args, says }) => {
    const { exitCode, text } = await preview(`new baremetal.Image("image", { ${args} });`);
    expect(exitCode).not.toBe(0);
    for (const one of says) expect(text).toMatch(one);
  });

  it("shows all faults of a resource at once, each where it is", async () => {
    const { exitCode, text } = await preview(`
new baremetal.Node("node", {
  cpus: 0,
  memory: "4 gigabytes" as "4 GiB",
  disc: "20 GB",
  bootMode: "efi",
  power: { driver: "ipmi", adress: "10.0.0.17", user: "admin", password: "Planted-0mT2" },
} as never);`);
    expect(exitCode).not.toBe(0);
    expect(text).toContain("property cpus value {0} has a problem: Expected at least 1");
    expect(text).toContain(
      'property memory value {4 gigabytes} has a problem: Expected a number and a unit, as in "64 GiB"',
    );
    expect(text).toContain("has a problem: disk: Required:");
    expect(text).toContain(
      "property disc value {20 GB} has a problem: There is no such field; did you mean disk?",
    );
    expect(text).toContain('property bootMode value {efi} has a problem: Expected one of "bios", "uefi"');
    expect(text).toContain("has a problem: power.address: Required:");
    expect(text).toContain("has a problem: power.adress: There is no such field; did you mean address?");
    expect(text).not.toContain("Planted");
    expect(text).not.toContain("<nil>");
  });

  it("refuses site settings that are not right, all faults at once", async () => {
    await workspace.pulumi("config", "set", "--stack", "dev", "--path", "baremetal:site.callbackPort", "0");
    await workspace.pulumi(
      "config",
      "set",
      "--stack",
      "dev",
      "--path",
      "baremetal:site.manners.gap",
      "1 fortnight",
    );
    const { exitCode, text } = await preview(
      `new baremetal.Flavor("flavor", { cpus: 1, memory: "1 GiB", rootDisk: "1 GiB" });`,
    );
    expect(exitCode).not.toBe(0);
    expect(text).toMatch(
      /the site settings are not right: .*callbackPort.*manners\.gap: Expected a number and a unit/,
    );
    expect(text).toContain("[SITE_SETTINGS_BAD]");
  });
});

async function makeImages(folder: string): Promise<void> {
  const make = (...words: readonly string[]) =>
    execa("qemu-img", ["create", "-q", "-f", "qcow2", ...words], { cwd: folder });
  await writeFile(join(folder, "disk.raw"), randomBytes(1 << 20));
  await make("base.qcow2", "16M");
  await make("-b", "base.qcow2", "-F", "qcow2", "over.qcow2");
  await execa("qemu-img", ["convert", "-O", "qcow2", "disk.raw", "whole.qcow2"], { cwd: folder });
  await execa("sh", ["-c", "head -c 500000 whole.qcow2 >cut.qcow2"], { cwd: folder });
}
