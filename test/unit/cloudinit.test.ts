import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { nocloudFiles } from "../../provider/services/cloudinit/documents.ts";
import type { FatFile } from "../../provider/services/volumes/fat.ts";
import { everything, publicKey } from "../fixtures/configuration.ts";

const textOf = (files: readonly FatFile[], name: string) =>
  files.find((file) => file.name === name)?.content.toString("utf8");

describe("the documents for cloud-init", () => {
  const files = nocloudFiles(everything);

  it("are a NoCloud seed, with the program's user data as it wrote it", () => {
    expect(files.map(({ name }) => name)).toEqual([
      ...["meta-data", "user-data", "vendor-data", "network-config"],
    ]);
    expect(textOf(files, "user-data")).toBe(everything.userData);
    expect(textOf(files, "meta-data")).toBe(`instance-id: "6a1b2c3d-0000-4000-8000-00000000beef"
local-hostname: "web-1.example.org"
public-keys:
  - "${publicKey}"
meta:
  role: "web"
  "on": "1:30"
`);
  });

  it("tell whom to phone beside the user data, whose cloud-config is not rewritten", () => {
    expect(textOf(files, "vendor-data")).toBe(`#cloud-config
phone_home:
  url: "http://10.99.0.1:10000/v1/phone-home/${"5a".repeat(32)}"
  post:
    - "instance_id"
    - "hostname"
    - "pub_key_ecdsa"
    - "pub_key_ed25519"
    - "pub_key_rsa"
  tries: 600
`);
  });

  it("find cards by their MAC and name them, and say every address, route, bond and VLAN", () => {
    expect(textOf(files, "network-config")).toBe(`version: 2
ethernets:
  net0:
    match:
      macaddress: "52:54:00:00:00:07"
    set-name: "net0"
    dhcp4: false
    dhcp6: false
    addresses:
      - "10.0.0.5/24"
      - "fd00::5/64"
    gateway6: "fd00::1"
    routes:
      - to: "0.0.0.0/0"
        via: "10.0.0.1"
      - to: "10.2.0.0/16"
        via: "10.0.0.2"
    nameservers:
      addresses:
        - "10.0.0.53"
        - "fd00::53"
      search:
        - "example.org"
    mtu: 9000
  lan1:
    match:
      macaddress: "10:20:30:40:50:01"
    set-name: "lan1"
    dhcp4: false
    dhcp6: false
  lan2:
    match:
      macaddress: "10:20:30:40:50:02"
    set-name: "lan2"
    dhcp4: false
    dhcp6: false
bonds:
  bond0:
    interfaces:
      - "lan1"
      - "lan2"
    macaddress: "10:20:30:40:50:01"
    parameters:
      mode: "802.3ad"
      mii-monitor-interval: 100
      lacp-rate: "fast"
      transmit-hash-policy: "layer3+4"
    dhcp4: true
    dhcp6: false
vlans:
  bond0.42:
    id: 42
    link: "bond0"
    dhcp4: false
    dhcp6: false
    addresses:
      - "10.42.0.5/24"
      - "fd42::5/64"
    routes:
      - to: "::/1"
        via: "fd42::1"
        metric: 50
      - to: "8000::/1"
        via: "fd42::1"
        metric: 50
`);
  });

  it("are complete with nothing but an id", () => {
    const bare = nocloudFiles({ instanceId: "i-1" });
    expect(textOf(bare, "meta-data")).toBe('instance-id: "i-1"\n');
    expect(textOf(bare, "user-data")).toBe("#cloud-config\n{}\n");
    expect(bare).toHaveLength(2);
  });

  it("say metadata so that a reader of YAML 1.1 finds the same strings, whatever they look like", () => {
    const plain = ["yes", "1:30", "0o17", "1e3", "null", "~", "=", "<<", "2001-01-01", "\u0085", "- a"];
    const names = fc.oneof(
      fc.constantFrom("yes", "on", "null", "1e3", "7", "0o17", "2001-01-01"),
      fc.stringMatching(/^[A-Za-z0-9][\w.-]{0,20}$/),
    );
    const words = fc.dictionary(names, fc.oneof(fc.string(), fc.constantFrom(...plain)), { minKeys: 1 });
    fc.assert(
      fc.property(words, (metadata) => {
        const text = textOf(nocloudFiles({ instanceId: "i", metadata }), "meta-data") ?? "";
        expect(parse(text, { version: "1.1" })).toEqual({ "instance-id": "i", meta: { ...metadata } });
      }),
    );
  });
});
