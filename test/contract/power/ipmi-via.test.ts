import { readdirSync, readFileSync } from "node:fs";
import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { openPower, Power } from "../../../provider/drivers/power/index.ts";
import { newContext } from "../../../provider/kernel/context.ts";
import { sshHost } from "../../../provider/services/ssh/address.ts";
import { createElsewhere, type Elsewhere } from "../../../provider/services/ssh/runs.ts";
import { type BootHost, bootHost, freePort, publicKey } from "../site/boot-host.ts";
import { admin, password, peerOf } from "./ipmi-peer.ts";
import { startIpmiSim } from "./ipmi-sim.ts";
import { lent } from "./lent.ts";
import { obeysPowerContract } from "./suite.ts";

let jump: BootHost;
let elsewhere: Elsewhere;
const ctx = newContext();
const via = "ssh://boothost";

beforeAll(async () => {
  jump = await bootHost();
  vi.stubEnv("PATH", `${jump.path}:${process.env["PATH"]}`);
  elsewhere = createElsewhere();
});
afterAll(async () => {
  await elsewhere.close();
  await jump.end();
  vi.unstubAllEnvs();
});

const start = () => peerOf({ via }, (host) => elsewhere.on(host ?? sshHost(via)));
/** Logged in before, as a site is for all but its first command: the suite's limits are a controller's. */
obeysPowerContract("ipmi by ipmitool on another host, through its sshd", async () => {
  await elsewhere.on(sshHost(via))(ctx, "true", []);
  return start();
});

describe("a program on another host", () => {
  const on = (address = via) => elsewhere.on(sshHost(address));
  const codeOf = (act: Promise<unknown>) =>
    act.then(
      () => "it succeeded",
      (error: { code: string }) => error.code,
    );

  it("is one of a hundred that share a login", async () => {
    await on()(ctx, "true", []);
    const before = await logins(jump);
    // OpenSSH's server was tried by hand, and lost none of 250. This one, dropbear, loses some, and now and then the login
    // with them: the manners repeat it, and it may cost a login each, while a hundred that do not share cost a hundred.
    let lost = 0;
    const once = (): Promise<unknown> =>
      on()(ctx, "true", []).catch((error) => {
        if (error.code !== "SSH_CUT") throw error;
        lost += 1;
        return once();
      });
    for (let round = 0; round < 25; round += 1) await Promise.all([once(), once(), once(), once()]);
    expect((await logins(jump)).length - before.length).toBeLessThanOrEqual(lost);
    expect(lost).toBeLessThan(50);
  });

  it("tells its words and its code as they are", async () => {
    const words = ["-c", 'printf "%s|" "$@" "$A"; echo oh >&2; exit 7', "sh", "a b", "'", "\n", "", "$(x)"];
    const told = await on()(ctx, "sh", words, { env: { A: "one\n'two'" } });
    expect(told).toEqual({ code: 7, stdout: "a b|'|\n||$(x)|one\n'two'|", stderr: "oh\n" });
    expect(await on()(ctx, "sh", ["-c", "kill -9 $$"])).toMatchObject({ code: undefined });
  });

  it("ends, with what it started, when nobody wants it any more, also when its connection is lost", async () => {
    const other = createElsewhere();
    const naps = { ours: "31416.1", cut: "31416.2" };
    const asleep = (nap: string) => ["-c", `sleep ${nap} & wait`];
    const cancel = new AbortController();
    const ours = other.on(sshHost(via))({ ...ctx, signal: cancel.signal }, "sh", asleep(naps.ours));
    const cut = codeOf(other.on(sshHost(via))(ctx, "sh", asleep(naps.cut)));
    await vi.waitUntil(() => running(naps.ours) > 0 && running(naps.cut) > 0, 20_000);
    cancel.abort(new Error("enough"));
    await expect(ours).rejects.toThrow("enough");
    await vi.waitUntil(() => running(naps.ours) === 0, 10_000);
    await jump.cut();
    expect(await cut).toBe("SSH_CUT");
    await vi.waitUntil(() => running(naps.cut) === 0, 10_000);
    await jump.listen();
    await other.close();
    await elsewhere.close(); // its connection was cut, too
    expect(await on()(ctx, "true", [])).toMatchObject({ code: 0 });
  });

  it("is not waited for by a login that nobody uses, and no login stays behind", async () => {
    const other = createElsewhere();
    await other.on(sshHost(via))(ctx, "true", []);
    const before = running("-N", jump.path);
    await other.close();
    expect(running("-N", jump.path)).toBe(before - 1);
  });
});

describe("what is in the way", () => {
  const drive = async (power: object, own = createElsewhere()) => {
    const settings = { driver: "ipmi", address: "127.0.0.1", port: 9, user: "admin", password, ...power };
    const { driver } = openPower(
      Power.parse(settings),
      lent(undefined, { runOn: (host) => own.on(host ?? sshHost(via)) }),
    );
    const error = await driver.state(ctx).catch((reason: unknown) => reason);
    await own.close();
    return error;
  };
  const config = () => join(jump.folder, "config");
  const known = () => join(jump.folder, "known_hosts");

  it("is told: nobody listens there", async () => {
    const port = await freePort();
    expect(await drive({ via: `ssh://127.0.0.1:${port}` })).toMatchObject({
      code: "SSH_NOT_REACHED",
      retry: true,
      record: { fault: "controller" },
    });
  });

  it("is told: its host key is not known, or is another one", async () => {
    const right = await readFile(known(), "utf8");
    await writeFile(known(), "");
    expect(await drive({ via })).toMatchObject({ code: "SSH_HOST_KEY_UNKNOWN" });
    const other = join(jump.folder, "other-key");
    await execa("dropbearkey", ["-t", "ed25519", "-f", other], {
      env: { PATH: `${process.env["PATH"]}:/usr/sbin` },
    });
    await writeFile(known(), `[127.0.0.1]:${jump.port} ${await publicKey(other)}\n`);
    expect(await drive({ via })).toMatchObject({ code: "SSH_HOST_KEY_CHANGED" });
    await writeFile(known(), right);
  });

  it("is told: no key that is let in, and that is asked once for all who come soon after", async () => {
    const right = await readFile(config(), "utf8");
    await writeFile(config(), right.replace(/ {2}IdentityFile .*/, "  IdentityFile /nonexistent"));
    const own = createElsewhere();
    const before = (await jump.starts()).length;
    const ask = () => own.on(sshHost(via))(ctx, "true", []);
    for (let times = 0; times < 3; times += 1) {
      await expect(ask()).rejects.toMatchObject({ code: "SSH_DENIED" });
    }
    expect((await jump.starts()).length - before).toBe(1);
    await writeFile(config(), right);
    await own.close();
  });

  it("is told: no such program there", async () => {
    await expect(elsewhere.on(sshHost(via))(ctx, "no-such-tool", [])).rejects.toMatchObject({
      code: "SSH_PROGRAM_MISSING",
      message: expect.stringContaining("there is no no-such-tool on ssh://boothost"),
    });
  });

  it("is told: the account there runs nothing of ours", async () => {
    const keys = join(jump.home, ".ssh", "authorized_keys");
    const right = await readFile(keys, "utf8");
    await rm(keys);
    await writeFile(keys, `command="echo go away >&2; exit 1" ${right}`, { mode: 0o600 });
    await chmod(keys, 0o600);
    const own = createElsewhere();
    await expect(own.on(sshHost(via))(ctx, "true", [])).rejects.toMatchObject({
      code: "SSH_NO_SHELL",
      message: expect.stringContaining("go away"),
    });
    await own.close();
    await writeFile(keys, right);
  });

  it("is told: the controller's own trouble stays the controller's", async () => {
    const sim = await startIpmiSim({ users: [admin] });
    expect(await drive({ port: sim.port, password: "guess", via })).toMatchObject({ code: "POWER_DENIED" });
    await sim.stop();
  });
});

const logins = async ({ starts }: BootHost) => (await starts()).filter((line) => line.startsWith("-N"));

/** How many programs have this argument, and this in their environment: those of other tests are not ours. */
function running(word: string, inherited = ""): number {
  return readdirSync("/proc").filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      const words = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0");
      if (!words.includes(word) || words[0] === "sh") return false;
      return readFileSync(`/proc/${entry}/environ`, "utf8").includes(inherited);
    } catch {
      return false; // ended meanwhile
    }
  }).length;
}
