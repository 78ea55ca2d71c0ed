import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { afterEach, describe, expect, it, vi } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { lineLogger } from "../../provider/kernel/log.ts";
import { hostKeys } from "../../provider/services/hostkeys/index.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  for (const end of ends.splice(0).reverse()) await end();
});

const lines: string[] = [];
const ctx = newContext({ log: lineLogger((line) => lines.push(line)) });
const env = { PATH: `${process.env["PATH"]}:/usr/sbin` };
const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((one) => one?.address === "::1");

/** A TCP server that does this with each caller; `called` tells how many have come. */
async function listen(meet: (caller: Socket) => void) {
  const callers: Socket[] = [];
  const server = createServer((caller) => {
    callers.push(caller.on("error", () => {}));
    meet(caller);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  ends.push(() => {
    for (const caller of callers) caller.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, called: () => callers.length };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

/** Dropbear with keys of its own, fresh ones at each `install`; `shown` is what dropbearkey says of them. */
async function sshServer(host = "127.0.0.1") {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "hostkeys-"));
  ends.push(() => rm(folder, { recursive: true, force: true }));
  const install = async (...kinds: readonly string[]) => {
    const shown: string[] = [];
    for (const kind of kinds) {
      const file = join(folder, kind);
      await rm(file, { force: true });
      await execa("dropbearkey", ["-t", kind, "-f", file], { env });
      const { stdout } = await execa("dropbearkey", ["-y", "-f", file], { env });
      shown.push(/^(?:ssh-|ecdsa-)\S+/m.exec(stdout)?.[0] ?? "");
    }
    const keys = kinds.flatMap((kind) => ["-r", join(folder, kind)]);
    const words = ["-F", "-E", "-s", "-P", "", "-p", `${host}:${port}`, ...keys];
    // It dies with us, also when the test runner is killed.
    const tether = ["--pdeathsig", "KILL", "--", "dropbear"];
    const daemon = execa("setpriv", [...tether, ...words], { env, reject: false, all: true });
    const stop = async () => {
      daemon.kill("SIGKILL");
      await daemon;
    };
    ends.push(stop);
    return { kinds: shown, stop };
  };
  /** It needs a moment from its start to its first answer. */
  const scan = async () => {
    for (let tries = 100; ; tries -= 1) {
      const keys = await hostKeys(ctx, host.replace(/[[\]]/g, ""), port);
      if (keys.length > 0 || tries === 0) return keys;
      await pause(50);
    }
  };
  return { port, folder, install, scan };
}

/** The ssh-keyscan that runs against this port. */
function scans(port: number): string[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")];
      } catch {
        return []; // ended meanwhile
      }
    })
    .filter((words) => words.includes("ssh-keyscan") && words.includes(` ${port} `));
}

describe("the host keys of an SSH server", () => {
  it("are the ones that it has, sorted, as OpenSSH writes them", async () => {
    const server = await sshServer();
    const { kinds } = await server.install("rsa", "ecdsa", "ed25519");
    const keys = await server.scan();
    expect(keys.map((key) => key.split(" ")[0])).toEqual([...kinds].sort());
    const known = await execa("ssh-keyscan", ["-p", `${server.port}`, "127.0.0.1"]);
    const fingerprints = async (input: string) =>
      (await execa("ssh-keygen", ["-lf", "-"], { input })).stdout
        .split("\n")
        .map((line) => line.split(" ")[1])
        .sort();
    expect(await fingerprints(keys.join("\n"))).toEqual(await fingerprints(known.stdout));
  });

  it("stay the same from scan to scan and over a restart, and differ when the system was installed anew", async () => {
    const server = await sshServer();
    const first = await server.install("rsa", "ed25519");
    const before = await server.scan();
    expect(before).toHaveLength(2);
    expect(await server.scan()).toEqual(before);
    await first.stop();
    const second = await server.install("rsa", "ed25519");
    const after = await server.scan();
    expect(after).toHaveLength(2);
    expect(after.filter((key) => before.includes(key))).toEqual([]);
    await second.stop();
    expect(await hostKeys(ctx, "127.0.0.1", server.port)).toEqual([]);
  });

  it.runIf(hasIpv6)("are seen by IPv6 too", async () => {
    const server = await sshServer("[::1]");
    await server.install("ed25519");
    expect(await server.scan()).toEqual([expect.stringMatching(/^ssh-ed25519 AAAA/)]);
  });
});

describe("no host keys, and no error, come from", () => {
  it("a closed port", async () => {
    expect(await hostKeys(ctx, "127.0.0.1", await freePort())).toEqual([]);
  });

  it.for([
    { what: "a server that speaks another protocol", says: "HTTP/1.1 400 Bad Request\r\n\r\n" },
    { what: "a server that only sends a banner", says: "SSH-2.0-OpenSSH_9.2\r\n" },
    { what: "a server that closes without a word", says: "" },
  ])("$what", async ({ says }) => {
    const { port, called } = await listen((caller) => caller.end(says));
    expect(await hostKeys(ctx, "127.0.0.1", port)).toEqual([]);
    expect(called()).toBeGreaterThan(0);
  });

  it("what is no address: a name, a whole network, an option", async () => {
    const server = await sshServer();
    await server.install("ed25519");
    expect(await server.scan()).toHaveLength(1);
    for (const address of ["127.0.0.1/32", "localhost", "-v", ""]) {
      expect(await hostKeys(ctx, address, server.port)).toEqual([]);
    }
  });

  it("a host without ssh-keyscan, which the log tells", async () => {
    const folder = await mkdtemp(join(tmpdir(), "hostkeys-path-"));
    ends.push(() => rm(folder, { recursive: true }));
    const { stdout: setpriv } = await execa("sh", ["-c", "command -v setpriv"]);
    await execa("ln", ["-s", setpriv, join(folder, "setpriv")]);
    vi.stubEnv("PATH", folder);
    expect(await hostKeys(ctx, "127.0.0.1", 22)).toEqual([]);
    expect(lines.at(-1)).toContain("ssh-keyscan is not installed");
  });

  it.for([
    { what: "nothing", says: "" },
    { what: "nothing after its banner", says: "SSH-2.0-OpenSSH_9.2\r\n" },
  ])("a server that says $what and hangs, when ten seconds are over", async ({ says }) => {
    const { port, called } = await listen((caller) => caller.write(says));
    const started = Date.now();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    let ended = false;
    const scan = hostKeys(ctx, "127.0.0.1", port).finally(() => {
      ended = true;
    });
    while (called() === 0) await pause(20);
    vi.advanceTimersByTime(9_900);
    await pause(50);
    expect(ended).toBe(false);
    expect(scans(port)).toHaveLength(1);
    vi.advanceTimersByTime(100);
    expect(await scan).toEqual([]);
    // By our limit, not by ssh-keyscan's own, which knows nothing of the test's time.
    expect(Date.now() - started).toBeLessThan(5_000);
    expect(scans(port)).toEqual([]);
  });
});

it("a scan for host keys ends with its caller's signal and leaves no process", async () => {
  const { port, called } = await listen(() => {});
  const cancel = new AbortController();
  const scan = hostKeys({ ...ctx, signal: cancel.signal }, "127.0.0.1", port);
  const outcome = expect(scan).rejects.toThrow("the user pressed Ctrl-C");
  while (called() === 0) await pause(20);
  expect(scans(port)).toHaveLength(1);
  cancel.abort(new Error("the user pressed Ctrl-C"));
  await outcome;
  expect(scans(port)).toEqual([]);
});
