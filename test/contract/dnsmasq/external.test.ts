import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, it } from "vitest";
import { externalLines } from "../../../provider/services/dnsmasq/external/index.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "external-"));
});
afterAll(() => rm(dir, { recursive: true }));

async function verdictOn(lines: string): Promise<string> {
  const file = join(dir, "lines.conf");
  await writeFile(file, lines);
  const path = `${process.env["PATH"]}:/usr/sbin:/usr/local/sbin`;
  const options = { reject: false, env: { PATH: path, LC_ALL: "C" } };
  return (await execa("dnsmasq", ["--test", `--conf-file=${file}`], options)).stderr;
}

// By those for ISC dhcpd 4.4.3-P1 and Kea 2.2.0 both told two cards in two networks the right file and server, by hand, November 2026.
it("the lines for a dnsmasq of somebody else's are ones that dnsmasq reads", async () => {
  const hosts = [{ mac: "52:54:00:00:00:0a", ip: "10.99.0.10", name: "a" }];
  const one = { network: "10.99.0.0/24", address: "10.99.0.1", tftpRoot: dir, hosts };
  const { dnsmasq } = externalLines(one);
  expect(await verdictOn(dnsmasq)).toContain("syntax check OK");
  const first = externalLines({ ...one, among: { name: "rack-1", index: 0 } }).dnsmasq;
  const other = { ...one, network: "10.98.0.0/24", address: "10.98.0.1", hosts: [] };
  const second = externalLines({ ...other, among: { name: "rack-2", index: 1 } }).dnsmasq;
  expect(await verdictOn(first + second)).toContain("syntax check OK");
  const verdict = await verdictOn(dnsmasq.replace("client-arch", "client-ark"));
  expect(verdict).toContain("bad dhcp-option");
});
