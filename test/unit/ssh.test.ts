import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { assert, asyncProperty, integer } from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { settingsFor } from "../../provider/cli/settings.ts";
import { siteFile, siteSettings } from "../../provider/environment.ts";
import { isSshAddress } from "../../provider/services/ssh/address.ts";
import { sshAddress } from "../../provider/site/ssh/address.ts";
import { helloLine, readHello } from "../../provider/site/ssh/hello.ts";
import { sshWords, whyNot } from "../../provider/site/ssh/login.ts";

const command = "pulumi-baremetal";

describe("an address for ssh", () => {
  it.for([
    { given: "ssh://boothost", means: { host: "boothost", command, shown: "ssh://boothost" } },
    { given: " ssh://boothost/ ", means: { host: "boothost", command, shown: "ssh://boothost" } },
    {
      given: "ssh://me@10.0.0.7:2222",
      means: { host: "10.0.0.7", user: "me", port: 2222, command, shown: "ssh://me@10.0.0.7:2222" },
    },
    {
      given: "ssh://[fe80::1%eth0]",
      means: { host: "fe80::1%eth0", command, shown: "ssh://[fe80::1%eth0]" },
    },
    {
      given: "ssh://a@b?command=/srv/bm/node_modules/.bin/pulumi-baremetal",
      means: {
        ...{ host: "b", user: "a", shown: "ssh://a@b" },
        command: "/srv/bm/node_modules/.bin/pulumi-baremetal",
      },
    },
  ])("$given is understood", ({ given, means }) => {
    expect(isSshAddress(given)).toBe(true);
    expect(sshAddress(given)).toEqual(means);
  });

  it.for([
    { given: "ssh://", because: "host" },
    { given: "ssh://-oProxyCommand=reboot", because: "host" },
    { given: "ssh://a b", because: "host" },
    { given: "ssh://-l@b", because: "user" },
    { given: "ssh://me@b:0", because: "port" },
    { given: "ssh://me@b:70000", because: "port" },
    { given: "ssh://b:-oX", because: "port" },
    { given: "ssh://b/srv/site", because: "behind the host" },
    { given: "ssh://b?interface=eth1", because: "behind the host" },
    { given: "ssh://b?command=reboot;", because: "command" },
    { given: "ssh://b?command=$(reboot)", because: "command" },
    { given: "ssh://b?command=-x", because: "command" },
  ])("$given is refused for its $because", ({ given, because }) => {
    expect(() => sshAddress(given)).toThrow(because);
    expect(() => sshAddress(given)).toThrow("SSH_BAD_ADDRESS");
  });

  it("with a password is refused without saying it", () => {
    expect(() => sshAddress("ssh://me:PLANTED@b")).toThrow(/holds a password/);
    expect(() => sshAddress("ssh://me:PLANTED@b")).not.toThrow(/PLANTED/);
  });
});

it("ssh asks nobody, trusts nobody new, and is told where before what", () => {
  const words = sshWords(sshAddress("ssh://me@boothost:2222"));
  expect(words).toEqual(expect.arrayContaining(["BatchMode=yes", "StrictHostKeyChecking=yes"]));
  expect(words.slice(-7)).toEqual(["-l", "me", "-p", "2222", "--", "boothost", "pulumi-baremetal connect"]);
  expect(sshWords(sshAddress("ssh://boothost"))).not.toContain("-p");
});

describe("an ssh that ended", () => {
  it.for([
    { code: 255, stderr: "ssh: connect to host b port 22: Connection timed out", is: "SSH_NOT_REACHED" },
    {
      code: 255,
      stderr: "ssh: Could not resolve hostname b: Name or service not known",
      is: "SSH_NOT_REACHED",
    },
    {
      code: 255,
      stderr: "kex_exchange_identification: Connection closed by remote host",
      is: "SSH_NOT_REACHED",
    },
    { code: undefined, stderr: "", is: "SSH_NOT_REACHED" },
    { code: 255, stderr: "me@b: Permission denied (publickey).", is: "SSH_DENIED" },
    {
      code: 255,
      stderr:
        "No ED25519 host key is known for b and you have requested strict checking.\r\nHost key verification failed.",
      is: "SSH_HOST_KEY_UNKNOWN",
      says: "No ED25519 host key is known for b",
    },
    {
      code: 255,
      stderr:
        "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nOffending ED25519 key in /home/me/.ssh/known_hosts:7\nHost key verification failed.",
      is: "SSH_HOST_KEY_CHANGED",
      says: "known_hosts:7",
    },
    { code: 127, stderr: "sh: 1: pulumi-baremetal: not found", is: "SSH_COMMAND_MISSING" },
    { code: 127, stderr: "setpriv: failed to execute ssh: No such file or directory", is: "SSH_MISSING" },
    { code: 1, stderr: "SyntaxError: Unexpected token", is: "SSH_NO_HELPER", says: "SyntaxError" },
    { code: 0, stderr: "", is: "SSH_NO_HELPER", says: "without a word" },
  ])("with $code and $stderr is $is", ({ code, stderr, is, says = "" }) => {
    const error = whyNot(sshAddress("ssh://b"), { code, stderr });
    expect(error).toMatchObject({ code: is, retry: is === "SSH_NOT_REACHED" });
    expect(error.message).toContain(says);
  });
});

describe("a hello", () => {
  const hello = { version: "1.2.3", warnings: ["ü"] };
  it("is found however it is cut, and not a byte behind it is taken", async () => {
    const bytes = Buffer.from(`Welcome\r\n\n${helloLine(hello)}PRI * HTTP/2.0\n`);
    const cut = integer({ min: 1, max: bytes.length });
    await assert(
      asyncProperty(cut, async (size) => {
        const stream = new PassThrough();
        const read = readHello(stream);
        for (let at = 0; at < bytes.length; at += size) {
          stream.write(bytes.subarray(at, at + size));
          await new Promise(setImmediate);
        }
        stream.end();
        expect(await read).toEqual(hello);
        expect(await text(stream)).toBe("PRI * HTTP/2.0\n");
      }),
      { numRuns: 30 },
    );
  });

  it("that never comes is waited for no longer than there is something to read, or 64 KiB", async () => {
    const silent = new PassThrough();
    silent.end("Welcome\n");
    expect(await readHello(silent)).toBeUndefined();
    const endless = new PassThrough({ highWaterMark: 2 ** 20 });
    endless.write("y\n".repeat(2 ** 16));
    expect(await readHello(endless)).toBeUndefined();
  });
});

describe("the settings of a user's own site", () => {
  let home = "";
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "home-"));
    await mkdir(dirname(siteFile({}, home)), { recursive: true });
  });
  afterEach(() => rm(home, { recursive: true }));
  const write = (yaml: string) => writeFile(siteFile({}, home), yaml);

  it("are those of the file, where nobody says others", async () => {
    await write("interface: eth1\nlimits:\n  power: 5 minutes\n");
    expect(siteSettings(undefined, {}, home)).toMatchObject({
      interface: "eth1",
      limits: { power: "5 minutes" },
    });
    expect(siteSettings('{"interface":"eth2"}', {}, home)).toMatchObject({
      interface: "eth2",
      limits: { callback: "30 minutes" },
    });
  });

  it("are the defaults without a file, and with an empty one", async () => {
    const without = siteSettings(undefined, {}, home);
    await write("# nothing yet\n");
    expect(siteSettings(undefined, {}, home)).toEqual(without);
  });

  it.for([
    { yaml: "interface: [", says: "in " },
    { yaml: "interfaces: eth1", says: "interfaces" },
    { yaml: "- eth1", says: "Unrecognized key" },
  ])("are refused with the name of the file: $yaml", async ({ yaml, says }) => {
    await write(yaml);
    expect(() => siteSettings(undefined, {}, home)).toThrow(siteFile({}, home));
    expect(() => siteSettings(undefined, {}, home)).toThrow(says);
  });

  it("are not here for a site behind ssh", () => {
    const around = { env: {}, home, cwd: "/" };
    expect(() => settingsFor({ site: "ssh://boothost" }, around)).toThrow("SSH_NOT_HERE");
  });
});
