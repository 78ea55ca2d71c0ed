import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { checkSettings } from "../../provider/serve/check.ts";
import { readSettings, siteOf } from "../../provider/serve/settings.ts";
import { SiteSettings, settingsDigest } from "../../provider/site/settings.ts";
import { commandLine } from "../fixtures/command-line.ts";

const places = { stateDir: "/state", cacheDir: "/cache" };
let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "serve-settings-"));
});
afterEach(() => rm(folder, { recursive: true }));
async function written(text: string): Promise<string> {
  const file = join(folder, "site.yaml");
  await writeFile(file, text);
  return file;
}

describe("the settings of a service", () => {
  it("are those of its site, and how it is reached", async () => {
    const settings = await readSettings(await written("interface: eth1\nlisten:\n  port: 443\n"), places);
    expect(settings).toMatchObject({
      ...places,
      interface: "eth1",
      listen: { address: "0.0.0.0", port: 443 },
    });
    const plain = SiteSettings.parse({ ...places, interface: "eth1", programs: "none", webhooks: "none" });
    expect(settingsDigest(siteOf(settings))).toBe(settingsDigest(plain));
  });

  it("may be left out, all of them", async () => {
    expect(await readSettings(await written("# nothing yet\n"), places)).toMatchObject(places);
  });

  it.for([
    { when: "a field is unknown", text: "interfaces: eth1\n", says: ["interfaces"] },
    { when: "a nested field is", text: "listen: { adress: 127.0.0.1 }\n", says: ["listen", "adress"] },
    { when: "a port is none", text: "listen: { port: 0 }\n", says: ["listen.port: "] },
    {
      when: "an address is a name",
      text: "listen: { address: boothost }\n",
      says: ["listen.address: ", "192.0.2.7"],
    },
    { when: "a key lacks", text: "certificate: /c.pem\n", says: ["key: ", "give both"] },
    {
      when: "a path is relative",
      text: "certificate: c.pem\nkey: k.pem\n",
      says: ["certificate: ", "key: "],
    },
    { when: "it is a list", text: "- interface: eth1\n", says: ["Expected fields with values"] },
    { when: "it is no YAML", text: "a: [1\n", says: ["line 2"] },
    { when: "a key is there twice", text: "interface: a\ninterface: b\n", says: ["unique"] },
    {
      when: "several things are wrong",
      text: "callbackPort: none\nlimits: { power: 3 }\nbogus: 1\ndhcp: maybe\n",
      says: ["callbackPort: ", "limits.power: ", "bogus", "dhcp: "],
    },
    {
      when: "fields do not go together, and others are wrong",
      text: "callbackPort: none\ncertificate: /c.pem\ninterface: a\nnetworks: [{ interface: b }]\n",
      says: ["callbackPort: ", "key: ", "interface: It describes the only network"],
    },
  ])("are refused, all faults at once, when $when", async ({ text, says }) => {
    const reading = readSettings(await written(text), places).catch((error) => error);
    expect(await reading).toMatchObject({ code: "SERVE_SETTINGS_BAD" });
    for (const words of says) expect(String(await reading)).toContain(words);
  });

  it("are refused when the file is not there", async () => {
    const reading = readSettings(join(folder, "none.yaml"), places);
    await expect(reading).rejects.toMatchObject({ code: "SERVE_SETTINGS_BAD", message: /ENOENT/ });
  });
});

describe("serve --check", () => {
  const check = async (text: string) => checkSettings(newContext(), await written(text), places);

  it("finds settings right that are", async () => {
    await written("interface: lo\n");
    const { run } = commandLine({ cwd: folder });
    const { out, code } = await run("serve", "--settings", "site.yaml", "--check");
    expect([out, code]).toEqual([`The settings in ${join(folder, "site.yaml")} are right.\n`, undefined]);
  });

  it("looks at what they name on this host, all at once", async () => {
    const text = "interface: nothere0\ncertificate: /nowhere/c.pem\nkey: /nowhere/k.pem\n";
    const error = await check(text).catch((one) => one);
    expect(error).toMatchObject({ code: "SERVE_SETTINGS_BAD" });
    expect(error.message).toContain("nothere0 has no IPv4 address");
    expect(error.message).toContain("/nowhere/c.pem");
  });

  it("misses the provisioning network's interface", async () => {
    await expect(check("dhcp: external\n")).rejects.toThrow(/interface: Required/);
    expect(await check("network: 10.9.0.0/24\naddress: 10.9.0.1\n")).toMatchObject({ address: "10.9.0.1" });
  });
});
