import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { doctor, type Host } from "../../provider/cli/doctor.ts";
import { programs } from "../../provider/cli/programs.ts";
import { renderReport } from "../../provider/cli/report.ts";
import { atLeast, versionIn } from "../../provider/cli/versions.ts";
import { newContext } from "../../provider/kernel/context.ts";

describe("versions", () => {
  it.for([
    ["3.259.0", "3.230", true],
    ["v3.230.0", "3.230", true],
    ["3.99.0", "3.230", false],
    ["20.9.0", "20.19.0", false],
    ["3.231.0-alpha.1", "3.230", true],
    ["22", "22.12.0", false],
  ] as const)("%s is at least %s: %s", ([version, least, answer]) => {
    expect(atLeast(version, least)).toBe(answer);
  });

  it.for([
    ["ipmitool version 1.8.19", "1.8.19"],
    ["*** Zstandard CLI (64-bit) v1.5.4, by Yann Collet ***", "1.5.4"],
    ["ip utility, iproute2-6.1.0, libbpf 1.1.2", "6.1.0"],
    ["kmod version 30\n+ZSTD", "30"],
    ["go1.26.8", "1.26.8"],
    ["no number at all", undefined],
  ] as const)("is read from %j", ([text, version]) => {
    expect(versionIn(text)).toBe(version);
  });
});

const need = { name: "frobnicate", package: "frobnicator", purpose: "a test", version: ["--version"] };

async function folderWith(programs: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "doctor-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, name), 0o755);
  }
  return folder;
}

describe("the doctor", () => {
  const examine = async (parts: Partial<Host>, programs: Readonly<Record<string, string>> = {}) => {
    const path = `${await folderWith(programs)}:/usr/bin:/bin`;
    const host: Host = { platform: "linux", arch: "x64", node: "20.20.2", path, needs: [need], ...parts };
    const report = await doctor(newContext(), host);
    const of = (name: string) => report.findings.find((finding) => finding.name === name);
    return { report, of, text: renderReport(report) };
  };

  it.skipIf(process.platform !== "linux")("tells the version of what is there", async () => {
    const { of } = await examine({}, { frobnicate: "echo frobnicate 4.2" });
    expect(of("frobnicate")).toMatchObject({ verdict: "present", found: "4.2" });
  });

  it.skipIf(process.platform !== "linux")(
    "tells of what is missing how to install it and what it is for",
    async () => {
      const { report, of, text } = await examine({}, { pulumi: "echo v3.259.0" });
      expect(of("frobnicate")).toMatchObject({ verdict: "missing", package: "frobnicator" });
      expect(report.healthy).toBe(false);
      expect(text).toMatch(/MISSING +frobnicate +a test/);
      expect(text).toMatch(/sudo apt-get install --yes --no-install-recommends .*frobnicator/);
    },
  );

  it.skipIf(process.platform !== "linux")(
    "notes of what is missing and optional which package brings it, and finds no fault in it",
    async () => {
      const needs = [{ ...need, optional: true }];
      const { report, of, text } = await examine({ needs }, { pulumi: "echo v3.259.0" });
      expect(of("frobnicate")).toMatchObject({ verdict: "note", found: "not installed" });
      expect(of("frobnicate")?.remedy).toMatch(/apt-get install .*frobnicator` brings it/);
      // This host may lack other things; they are no more and no fewer for it.
      const { report: without } = await examine({ needs: [] }, { pulumi: "echo v3.259.0" });
      expect(report.healthy).toBe(without.healthy);
      expect(text).toMatch(/note +frobnicate +not installed +a test/);
      const { of: present } = await examine({ needs }, { frobnicate: "echo frobnicate 4.2" });
      expect(present("frobnicate")).toMatchObject({ verdict: "present", found: "4.2" });
    },
  );

  it("does without virsh, mkfs.fat, debugfs, openssl, ssh-keyscan, ping and, where no server starts by UEFI, its loaders; needs all other programs", () => {
    expect(programs.filter(({ optional }) => optional).map(({ name }) => name)).toEqual([
      "virsh",
      "shimx64.efi",
      "grubnetx64.efi",
      "gcdx64.efi",
      "mkfs.fat",
      "debugfs",
      "openssl",
      "ssh-keyscan",
      "ping",
    ]);
  });

  it("finds a Pulumi CLI that is too old wrong, and says what would do", async () => {
    const { of } = await examine({}, { pulumi: "echo v3.100.0" });
    expect(of("pulumi")).toMatchObject({ verdict: "wrong", found: "3.100.0" });
    expect(of("pulumi")?.remedy).toContain("3.230 or newer");
  });

  it.for([
    ["20.9.0", "wrong"],
    ["21.7.0", "wrong"],
    ["20.20.2", "present"],
    ["24.1.0", "present"],
  ] as const)("finds Node %s %s", async ([node, verdict]) => {
    const { of } = await examine({ node });
    expect(of("node")).toMatchObject({ verdict });
  });

  it.for(["darwin", "win32"] as const)(
    "on %s looks only at what a client needs, and says so",
    async (platform) => {
      const { report, text } = await examine({ platform }, { pulumi: "echo v3.259.0" });
      expect(report.findings.map(({ name }) => name)).toEqual(["node", "pulumi"]);
      expect(report).toMatchObject({ clientOnly: true, healthy: true });
      expect(text).toContain("client only");
    },
  );
});
