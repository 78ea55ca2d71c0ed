import { readdirSync, readFileSync } from "node:fs";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { newContext, type Progress } from "../../../provider/kernel/context.ts";
import { lineLogger } from "../../../provider/kernel/log.ts";
import type { Duration } from "../../../provider/kernel/units.ts";
import { launchOf, version } from "../../../provider/launch.ts";
import { clientOf } from "../../../provider/site/client.ts";
import type { Site } from "../../../provider/site/site.ts";
import { sshAddress } from "../../../provider/site/ssh/address.ts";
import { overSsh } from "../../../provider/site/ssh/transport.ts";
import { wire } from "../../../provider/site/wire.ts";
import { ref } from "../../fixtures/site-parts.ts";
import { type BootHost, bootHost, freePort, publicKey, script } from "./boot-host.ts";
import { behind, silentController } from "./silent-controller.ts";

let host: BootHost;
const helpers = new Set<number>();
const words: string[] = [];
const ctx = newContext({ log: lineLogger((line) => words.push(line)) });
const settings = () => join(host.home, ".config", "pulumi-baremetal", "site.yaml");
const knownHosts = () => join(host.folder, "known_hosts");
const reach = (address = host.address, own = version(), patience?: Duration) =>
  clientOf(overSsh(sshAddress(address), own, patience));
async function about(site: Site) {
  const said = await site.about(ctx);
  helpers.add(said.pid);
  return said;
}

beforeAll(async () => {
  host = await bootHost();
  vi.stubEnv("PATH", `${host.path}:${process.env["PATH"]}`);
});
afterAll(async () => {
  for (const pid of helpers) process.kill(pid, "SIGTERM");
  await host.end();
  vi.unstubAllEnvs();
});
beforeEach(() => {
  words.length = 0;
});

describe("a helper behind ssh", () => {
  it("works with the settings that lie on its own host", async () => {
    await writeFile(settings(), "callbackPort: 10007\n");
    const first = await about(reach());
    await writeFile(settings(), "callbackPort: 10008\n");
    const second = await about(reach());
    expect(second.settings).not.toBe(first.settings);
    expect(second.siteId).toBe(first.siteId);
    helpers.delete(first.pid);
  }, 60_000);

  it("is reached by one login, however many ask at once and one after the other", async () => {
    const before = (await host.starts()).length;
    const site = reach();
    await Promise.all(Array.from({ length: 50 }, () => site.flavors.list(newContext())));
    await site.flavors.list(ctx);
    expect((await host.starts()).slice(before)).toHaveLength(1);
  });

  it("is told no secret by the words of a command", async () => {
    const controller = await silentController();
    const cancel = new AbortController();
    const node = behind(controller, "PLANTED-password");
    const asking = reach().nodes.ensure(newContext({ signal: cancel.signal }), ref("n1"), node);
    await controller.asked();
    const all = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
    const lines = all.map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8");
      } catch {
        return ""; // ended meanwhile
      }
    });
    expect(lines.filter((line) => line.includes("boothost")).length).toBeGreaterThan(0);
    expect(lines.filter((line) => line.includes("PLANTED"))).toEqual([]);
    expect((await host.starts()).join()).not.toContain("PLANTED");
    cancel.abort(new Error("enough"));
    await expect(asking).rejects.toThrow("enough");
    controller.close();
  });

  it("of another version says so, once", async () => {
    const site = reach(host.address, "99.0.0");
    await about(site);
    await about(site);
    expect(words).toHaveLength(1);
    expect(words[0]).toMatch(/version \S+ on ssh:\/\/boothost and of 99\.0\.0 here/);
  });

  it("answers the command line, which ends when it has the answer", async () => {
    const command = [...launchOf(process.execPath, []).args.slice(0, -1), "nodes", "list", "--json"];
    const ran = await execa(process.execPath, [...command, "--site", host.address], { timeout: 30_000 });
    expect(JSON.parse(ran.stdout)).toEqual([]);
  }, 60_000);

  it("is found behind what a login prints", async () => {
    const chatty = join(host.folder, "chatty");
    await script(chatty, `echo Welcome; printf 'no end of line'; echo; exec ${commandOf(host)} "$@"`);
    expect(await reach(`ssh://boothost?command=${chatty}`).flavors.list(ctx)).toEqual([]);
  });
});

const commandOf = ({ address }: BootHost) => new URL(address).searchParams.get("command") ?? "";

describe("a connection that is cut off", () => {
  it("is made again, and what was asked is asked again while the host was away", async () => {
    const progress: Progress[] = [];
    const controller = await silentController();
    const cancel = new AbortController();
    const site = reach();
    await about(site);
    const patient = newContext({ signal: cancel.signal, report: (one) => progress.push(one) });
    const asking = site.nodes.ensure(patient, ref("n1"), behind(controller));
    asking.catch(() => {});
    await controller.asked();
    // Many are asking at that moment.
    const others = Array.from({ length: 100 }, async () => {
      for (let n = 0; n < 3; n += 1) await site.flavors.list(newContext());
    });
    await host.cut();
    await vi.waitFor(() =>
      expect(progress.at(-1)?.stage).toBe("waiting for the connection to ssh://boothost"),
    );
    const meanwhile = site.flavors.list(newContext());
    await host.listen();
    await controller.asked();
    expect(await meanwhile).toEqual([]);
    await Promise.all(others);
    cancel.abort(new Error("enough"));
    await expect(asking).rejects.toThrow("enough");
    controller.close();
  }, 90_000);

  it("is given up after its limit, in words", async () => {
    const site = reach(host.address, version(), "6 seconds");
    await about(site);
    await host.cut();
    const asking = site.flavors.list(ctx);
    await expect(asking).rejects.toMatchObject({
      code: "SSH_LOST",
      retry: true,
      message: expect.stringMatching(/within 6 seconds.*refused/),
    });
    await host.listen();
    // A login may take longer than that limit on a host that has much to do; then the next one is waited for.
    const back = await vi.waitFor(() => site.flavors.list(ctx), { timeout: 60_000 });
    expect(back).toEqual([]);
  }, 90_000);

  it("is not what happened when the helper died: the next request finds another one", async () => {
    const controller = await silentController();
    const site = reach();
    const { pid } = await about(site);
    const asking = site.nodes.ensure(newContext(), ref("n1"), behind(controller));
    asking.catch(() => {});
    await controller.asked();
    const before = (await host.starts()).length;
    process.kill(pid, "SIGKILL");
    await expect(asking).rejects.toMatchObject({ code: "HELPER_GONE", retry: true });
    helpers.delete(pid);
    expect((await about(site)).pid).not.toBe(pid);
    expect((await host.starts()).length).toBe(before);
    controller.close();
  }, 60_000);
});

describe("no connection", () => {
  afterEach(async () => {
    await writeFile(
      knownHosts(),
      `[127.0.0.1]:${host.port} ${await publicKey(join(host.folder, "host-key"))}\n`,
    );
  });
  const refused = (address?: string) =>
    reach(address)
      .about(ctx)
      .catch((error) => error);

  it("is made to a host whose key nobody has accepted", async () => {
    await writeFile(knownHosts(), "");
    expect(await refused()).toMatchObject({ code: "SSH_HOST_KEY_UNKNOWN", retry: false });
    expect(await readFile(knownHosts(), "utf8")).toBe("");
  });

  it("is made to a host that shows another key", async () => {
    await execa("dropbearkey", ["-t", "ed25519", "-f", join(host.folder, "other")], {
      env: { PATH: `${process.env["PATH"]}:/usr/sbin` },
    });
    await writeFile(
      knownHosts(),
      `[127.0.0.1]:${host.port} ${await publicKey(join(host.folder, "other"))}\n`,
    );
    expect(await refused()).toMatchObject({ code: "SSH_HOST_KEY_CHANGED", retry: false });
  });

  it("is made for a user who may not come in, and nobody is asked for a password", async () => {
    expect(await refused(`ssh://somebody@boothost`)).toMatchObject({
      code: "SSH_DENIED",
      message: expect.stringContaining("ssh://somebody@boothost did not let us in"),
    });
  });

  it("is made where nobody listens, or where there is no such host", async () => {
    expect(await refused(`ssh://127.0.0.1:${await freePort()}`)).toMatchObject({
      code: "SSH_NOT_REACHED",
      message: expect.stringContaining("refused"),
    });
    expect(await refused("ssh://no-such-host.invalid")).toMatchObject({ code: "SSH_NOT_REACHED" });
  });

  it("is made to a host without the program", async () => {
    expect(await refused("ssh://boothost")).toMatchObject({
      code: "SSH_COMMAND_MISSING",
      message: expect.stringContaining("there is no pulumi-baremetal on ssh://boothost"),
    });
  });

  it("is made to a command that says something else", async () => {
    const other = join(host.folder, "other-command");
    await script(other, "echo hello; echo the disk is full >&2; exit 3");
    expect(await refused(`ssh://boothost?command=${other}`)).toMatchObject({
      code: "SSH_NO_HELPER",
      message: expect.stringContaining("the disk is full"),
    });
    await script(other, "exec yes");
    expect(await refused(`ssh://boothost?command=${other}`)).toMatchObject({ code: "SSH_NO_HELPER" });
  });

  it("is made to a program that speaks another language, whatever its version", async () => {
    const older = join(host.folder, "older");
    await script(older, `echo 'pulumi-baremetal connect {"version":"${version()}","warnings":[]}'; exec cat`);
    expect(await refused(`ssh://boothost?command=${older}`)).toMatchObject({
      code: "HELPER_OTHER_WIRE",
      message: expect.stringContaining("the helper number 1"),
    });
  });

  it("is given up where it breaks off each time as soon as it is there", async () => {
    const torn = join(host.folder, "torn");
    const hello = JSON.stringify({ version: version(), wire, warnings: [] });
    await script(torn, `echo 'pulumi-baremetal connect ${hello}'; echo the disk is full >&2`);
    const before = (await host.starts()).length;
    const asking = reach(`ssh://boothost?command=${torn}`).flavors.list(ctx);
    await expect(asking).rejects.toMatchObject({ code: "HELPER_GONE", retry: true });
    expect((await host.starts()).length - before).toBe(6);
  }, 90_000);

  it("is made where the site's own settings are not right: what is wrong is said as it is said there", async () => {
    await writeFile(settings(), "callbackPort: none\n");
    expect(await refused()).toMatchObject({
      code: "SITE_SETTINGS_BAD",
      message: expect.stringMatching(/in \S+site\.yaml: callbackPort/),
    });
    await writeFile(settings(), "");
  });

  it("is made from a host without ssh", async () => {
    const path = join(host.folder, "bare");
    await mkdir(path);
    const { stdout } = await execa("sh", ["-c", "command -v setpriv"]);
    await symlink(stdout, join(path, "setpriv"));
    const before = process.env["PATH"];
    vi.stubEnv("PATH", path);
    expect(await refused()).toMatchObject({ code: "SSH_MISSING" });
    vi.stubEnv("PATH", before);
  });
});
