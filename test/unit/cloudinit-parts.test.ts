import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nocloudVolume, volumeSize } from "../../provider/services/cloudinit/documents.ts";
import { hostnameOf, isHostname } from "../../provider/services/cloudinit/hostname.ts";
import { sshKeyFault } from "../../provider/services/cloudinit/ssh-key.ts";
import { lookAtUserData } from "../../provider/services/cloudinit/user-data.ts";
import { encodeFat } from "../../provider/services/volumes/fat.ts";
import { everything, publicKey } from "../fixtures/configuration.ts";

describe("a FAT volume", () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9-]{0,25}$/), { maxLength: 6 });

  it("gives back every file and the label, on sectors of 512 and of 4096 bytes, small and large", () => {
    const shape = fc.record({ sector: fc.constantFrom(512, 4096), MiB: fc.constantFrom(1, 2, 8) });
    fc.assert(
      fc.property(names, shape, fc.infiniteStream(fc.nat(40_000)), (names, { sector, MiB }, sizes) => {
        const files = names.map((name, n) => ({
          name,
          content: Buffer.alloc(sizes.next().value ?? 0, n + 1),
        }));
        const volume = encodeFat({ label: "cidata", files, size: MiB * 2 ** 20, sector });
        expect(volume.length).toBe(MiB * 2 ** 20);
        expect(readFat(volume)).toEqual({ label: "cidata", files, copiesAgree: true });
      }),
      { numRuns: 15 },
    );
  });

  it("is refused, not cut, where the files do not fit", () => {
    const content = Buffer.alloc(volumeSize - 4096);
    const encode = () => encodeFat({ label: "x", files: [{ name: "a", content }], size: volumeSize });
    expect(encode).toThrow(RangeError);
  });

  it("has room for the largest inputs that a check lets pass", () => {
    const much = (KiB: number) => "x".repeat(KiB * 1024);
    const volume = nocloudVolume(
      {
        ...everything,
        ...{ userData: much(512), sshKeys: [much(96)], metadata: { a: much(64) } },
        networks: {
          ...{ bonds: [], vlans: [] },
          // 96 KiB of JSON in the shape that grows most as YAML: many short entries.
          ethernets: Array.from({ length: 1100 }, (_, n) => ({
            name: `n${n}`,
            mac: "52:54:00:00:00:01",
            mtu: 1500,
          })),
        },
      },
      4096,
    );
    expect(readFat(volume).files).toHaveLength(4);
  });
});

describe("a public key of SSH", () => {
  it.for([publicKey, publicKey.replace(" somebody@desk", ""), `  ${publicKey}\n`])(
    "passes as it lies in its file: %j",
    (text) => {
      expect(sshKeyFault(text)).toBeUndefined();
    },
  );

  it.for([
    ["-----BEGIN OPENSSH PRIVATE KEY-----\nabc", "This is a private key"],
    [`${publicKey}\n${publicKey}`, "on one line"],
    ["ssh-dss AAAAB3NzaC1kc3MAAACBAP", "refuses DSA"],
    [`command="ls" ${publicKey}`, "without options before it"],
    ["", "Expected an OpenSSH public key"],
    [publicKey.slice(0, 60), "damaged or was cut off"],
    [publicKey.replace("ssh-ed25519", "ssh-rsa"), "damaged or was cut off"],
    ["ssh-ed25519 !!!!", "damaged or was cut off"],
  ] as const)("is refused in words that do not repeat it: %j", ([text, reason]) => {
    const fault = sshKeyFault(text) ?? "";
    expect(fault).toContain(reason);
    expect(fault).not.toContain("AAAAC3NzaC1lZDI1NTE5AAAAINBq");
  });
});

describe("user data", () => {
  const mime =
    'Content-Type: multipart/mixed; boundary="b1"\n\n--b1\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n';
  it.for([
    ["#cloud-config\npackages: [a]\n", "cloud-config"],
    ["#cloud-config\n", "cloud-config"],
    ["#cloud-config\nx: &a [1]\ny: *a\nz: yes\n", "cloud-config"],
    ["#!/bin/sh\nexit 0\n", "script"],
    [`${mime}--b1--\n`, "multipart"],
    [`MIME-Version: 1.0\r\n${mime}--b1--`.replaceAll(/\r?\n/g, "\r\n"), "multipart"],
    ['{"ignition":{"version":"3.4.0"}}', "ignition"],
    ["#include\nhttps://example.org/x\n", "other"],
    ["## template: jinja\n#cloud-config\nx: {{ v1.region }}\n", "other"],
  ] as const)("is told by its first line: %j", ([text, kind]) => {
    expect(lookAtUserData(text)).toMatchObject({ kind });
    expect(lookAtUserData(text)?.fault).toBeUndefined();
  });

  it.for([
    ["#cloud-config\na: [1\nb: PLANTED\n", "it is no YAML at line 3, column"],
    ["#cloud-config\na: 1\na: PLANTED\n", "it is no YAML at line 3, column 1: a name stands there twice"],
    ["#cloud-config\n\ta: PLANTED\n", "it is no YAML at line 2, column 1: a tab indents"],
    ["#cloud-config\n- PLANTED\n", "names with values at its top"],
    ["#cloud-config\na: *PLANTED\n", "an alias in it names no anchor"],
    ["#cloud-config\na: 1\n---\nb: PLANTED\n", "more than one YAML document"],
    ["#cloud-config-archive\n- [\n", "it is no YAML"],
    ["#!/bin/sh\r\nPLANTED\r\n", "CR LF"],
    [mime, "the closing boundary is missing"],
    ["MIME-Version: 1.0\n\nPLANTED", "no multipart type"],
    ["Content-Type: multipart/mixed\n\nPLANTED", "names no boundary"],
    ["Content-Type: multipart/mixed; boundary=PLANTED\n\nx", "no part begins"],
    ['{"ignition": PLANTED', "begins like JSON and is none"],
    ['{"PLANTED": 1}', "without an `ignition.version`"],
  ] as const)("that is not what it says to be is told without its words: %j", ([text, fault]) => {
    const look = lookAtUserData(text);
    expect(look?.fault).toContain(fault);
    expect(JSON.stringify(look?.fault)).not.toContain("PLANTED");
  });

  it.for(["", "packages: [a]\n", "\n#cloud-config\n", " #!/bin/sh\n", "echo PLANTED\n"])(
    "whose first line says nothing is unknown: %j",
    (text) => {
      expect(lookAtUserData(text)).toBeUndefined();
    },
  );
});

describe("a host name", () => {
  it.for(["web-1", "web-1.example.org", "7", "A".repeat(63)])("may be %s", (name) => {
    expect(isHostname(name)).toBe(true);
  });
  it.for(["", "web_1", "-a", "a-", "a..b", ".a", "a b", "A".repeat(65), `${"a".repeat(64)}`])(
    "is not %j",
    (name) => {
      expect(isHostname(name)).toBe(false);
    },
  );
  it.for([
    ["web-1", "web-1"],
    ["Web_1", "web-1"],
    ["db.prod.", "db.prod"],
    ["a..b", undefined],
  ] as const)("is made of the instance's name %s", ([name, made]) => {
    expect(hostnameOf(name)).toBe(made);
  });
});

/** A reader of FAT12 that knows no more than the specification: long names, chains, the label. */
function readFat(volume: Buffer) {
  const [sector, perCluster, fats, roots, perFat] = [
    volume.readUInt16LE(11),
    volume.readUInt8(13),
    volume.readUInt8(16),
    volume.readUInt16LE(17),
    volume.readUInt16LE(22),
  ];
  const fat = volume.subarray(sector, sector * (1 + perFat));
  const second = volume.subarray(sector * (1 + perFat), sector * (1 + fats * perFat));
  const rootAt = (1 + fats * perFat) * sector;
  const dataAt = rootAt + roots * 32;
  const pair = (n: number) => fat.readUInt16LE(Math.floor(n * 1.5));
  const next = (n: number) => (n % 2 === 0 ? pair(n) & 0xfff : pair(n) >> 4);
  const files: { name: string; content: Buffer }[] = [];
  let [label, long] = ["", ""];
  for (let at = rootAt; at < dataAt && volume.readUInt8(at) !== 0; at += 32) {
    const entry = volume.subarray(at, at + 32);
    const kind = entry.readUInt8(11);
    if (kind === 8) label = entry.toString("latin1", 0, 11).trimEnd();
    else if (kind === 15) {
      const part = Buffer.concat([entry.subarray(1, 11), entry.subarray(14, 26), entry.subarray(28, 32)]);
      long = part.toString("utf16le").replace(/\0.*$/s, "") + long;
    } else {
      const chain: Buffer[] = [];
      for (let n = entry.readUInt16LE(26); n >= 2 && n < 0xff8; n = next(n)) {
        const start = dataAt + (n - 2) * perCluster * sector;
        chain.push(volume.subarray(start, start + perCluster * sector));
      }
      files.push({ name: long, content: Buffer.concat(chain).subarray(0, entry.readUInt32LE(28)) });
      long = "";
    }
  }
  return { label, files, copiesAgree: fat.equals(second) };
}
