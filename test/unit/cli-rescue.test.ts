import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { hostKey as key } from "../../tools/images/system.ts";
import { asSite, commandLine } from "../fixtures/command-line.ts";
import { type OneServer, openOneServer } from "../fixtures/one-server.ts";

let one: OneServer;
let home: string;
beforeEach(async () => {
  one = await openOneServer();
  await one.install();
  home = await mkdtemp(join(tmpdir(), "home of somebody-"));
  await mkdir(join(home, ".ssh"));
});
afterEach(async () => {
  await one.site.close();
  await rm(home, { recursive: true });
});
const site = vi.fn(() => asSite(one.site));
const run = (...words: readonly string[]) => commandLine({ site, home, cwd: home }).run("nodes", ...words);

describe("nodes rescue", () => {
  it("takes the user's own key, and prints the two lines by which one comes in without blind trust", async () => {
    await writeFile(join(home, ".ssh/id_ecdsa.pub"), `${key} me@desk\n`);
    const { out, err, code } = await run("rescue", "n1", "--power-off");
    expect(code).toBeUndefined();
    expect(err.split("\n")).toEqual(expect.arrayContaining(["shutting down", "waiting for the ramdisk"]));
    const [, address = "", hostKey = ""] = /echo '(\S+) (ssh-ed25519 \S+)' > n1\.known_hosts/.exec(out) ?? [];
    expect(hostKey).not.toBe("");
    expect(out).toContain(
      `ssh -o UserKnownHostsFile=n1.known_hosts -o StrictHostKeyChecking=yes -i '${home}/.ssh/id_ecdsa' root@${address}\n`,
    );
    expect(out).toContain("pulumi-baremetal nodes unrescue n1");
    expect((await run("list")).out).toMatch(/^n1 +rescue +on /m);
    expect((await commandLine({ site }).run("instances", "list")).out).toMatch(/^web-1 +rescue +rescue /m);
    expect((await run("unrescue", "n1")).out).toBe("n1 runs the system of web-1 again (active).\n");
  });

  it("prints JSON for programs", async () => {
    await writeFile(join(home, "other.pub"), key);
    const { out } = await run("rescue", "n1", "--power-off", "--key", "other.pub", "--json");
    expect(JSON.parse(out)).toMatchObject({ node: "n1", instance: "web-1", provisionState: "rescue" });
  });

  it.for([
    { what: "there is no key", words: [], code: "KEY_UNREADABLE" },
    { what: "the file is not there", words: ["--key", "none.pub"], code: "KEY_UNREADABLE" },
    { what: "the key is the private one", words: ["--key", "id"], code: "RESCUE_BAD_KEY" },
  ])("asks no site where $what", async ({ words, code }) => {
    await writeFile(join(home, "id"), "-----BEGIN OPENSSH PRIVATE KEY-----\nPLANTED\n");
    site.mockClear();
    const ended = await run("rescue", "n1", ...words);
    expect(ended.code).toBe(code);
    expect(JSON.stringify(ended)).not.toContain("PLANTED");
    expect(site).not.toHaveBeenCalled();
  });

  it("says how to end a system that runs, and that there is no rescue to come back from", async () => {
    await writeFile(join(home, ".ssh/id_rsa.pub"), key);
    expect((await run("rescue", "n1")).err).toContain("--power-off");
    expect(await run("unrescue", "n1")).toMatchObject({ code: "RESCUE_REFUSED" });
  });
});
