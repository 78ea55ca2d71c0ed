import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { execa } from "execa";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const main = fileURLToPath(new URL("../../../provider/main.ts", import.meta.url));
const PATH = `${process.env["PATH"]}:/usr/sbin:/sbin`;

/**
 * A boot host: a real SSH server on loopback that lets this very user in by key, to a home of its own. Dropbear takes the
 * home from /etc/passwd, so it sees another one of those, in a mount namespace: nothing of the user's own is touched.
 */
export interface BootHost {
  readonly folder: string;
  readonly home: string;
  readonly port: number;
  /** What a program's `baremetal:site` says to reach the site of this host's user. */
  readonly address: string;
  /** A folder whose `ssh` reads this test's configuration rather than the user's, and writes down how it was started. */
  readonly path: string;
  /** How `ssh` was started so far: the words of each. */
  readonly starts: () => Promise<readonly string[]>;
  readonly listen: () => Promise<void>;
  /** Cut every connection off, as a host that dies. */
  readonly cut: () => Promise<void>;
  readonly end: () => Promise<void>;
}

export interface BootHostOptions {
  /** Where it listens. Default: loopback, on a port that nobody has. */
  readonly address?: string;
  readonly port?: number;
  /** Folders whose files are not on this host, though the test has them. */
  readonly hidden?: readonly string[];
  /** The words that start our own program there. Default: this checkout's, as it is written. */
  readonly command?: readonly string[];
}

export async function bootHost({
  address = "127.0.0.1",
  port: given,
  hidden = [],
  command = [process.execPath, "--import", tsx, main],
}: BootHostOptions = {}): Promise<BootHost> {
  const folder = await mkdtemp(join(tmpdir(), "boot-host-"));
  const at = (...parts: readonly string[]) => join(folder, ...parts);
  const [home, path] = [at("home"), at("bin")];
  for (const one of [join(home, ".ssh"), join(home, ".config", "pulumi-baremetal"), path]) {
    await mkdir(one, { recursive: true, mode: 0o700 });
  }
  const port = given ?? (await freePort());
  const { username, uid, gid } = userInfo();
  await writeFile(at("passwd"), `${username}:x:${uid}:${gid}::${home}:/bin/sh\n`);
  await execa("dropbearkey", ["-t", "ed25519", "-f", at("host-key")], { env: { PATH } });
  await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", at("key")]);
  await writeFile(join(home, ".ssh", "authorized_keys"), await readFile(at("key.pub")), { mode: 0o600 });
  await writeFile(at("known_hosts"), `${known(address, port)} ${await publicKey(at("host-key"))}\n`);
  await writeFile(
    at("config"),
    [
      ...["Host boothost", `  HostName ${address}`, `  Port ${port}`, "Host *"],
      ...[
        `  User ${username}`,
        `  IdentityFile ${at("key")}`,
        "  IdentitiesOnly yes",
        "  IdentityAgent none",
      ],
      ...[`  UserKnownHostsFile ${at("known_hosts")}`, "  GlobalKnownHostsFile /dev/null", ""],
    ].join("\n"),
  );
  const { stdout: ssh } = await execa("sh", ["-c", "command -v ssh"]);
  await script(join(path, "ssh"), `echo "$*" >> ${at("starts")}\nexec ${ssh} -F ${at("config")} "$@"`);
  await script(at("pulumi-baremetal"), `exec ${command.join(" ")} "$@"`);

  let daemon: Daemon | undefined;
  const host: BootHost = {
    ...{ folder, home, port, path },
    address: `ssh://boothost?command=${at("pulumi-baremetal")}`,
    starts: async () => {
      const text = await readFile(at("starts"), "utf8").catch(() => "");
      return text.split("\n").filter((line) => line !== "");
    },
    async listen() {
      const serve = [
        `mount --bind ${at("passwd")} /etc/passwd`,
        ...hidden.map((one) => `mount -t tmpfs none ${one}`),
        `exec dropbear ${words(at("host-key"), `${address}:${port}`)}`,
      ];
      const apart = uid === 0 ? ["--mount"] : ["--user", "--map-current-user", "--keep-caps", "--mount"];
      const tether = ["--pdeathsig", "KILL", "--", "unshare", ...apart, "sh", "-ec", serve.join("\n")];
      const child = execa("setpriv", tether, { env: { PATH }, reject: false, all: true });
      daemon = { pid: child.pid ?? 0, ended: child.then(({ all }) => all) };
      await reachable(address, port, daemon);
    },
    async cut() {
      if (daemon === undefined) return;
      for (const pid of [...(await childrenOf(daemon.pid)), daemon.pid]) kill(pid);
      await daemon.ended;
      daemon = undefined;
    },
    async end() {
      await host.cut();
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
  await host.listen();
  return host;
}

interface Daemon {
  readonly pid: number;
  /** What it said, when it has ended. */
  readonly ended: Promise<string>;
}

/** In the foreground, no passwords, this key, this place. */
const words = (key: string, place: string) => `-F -E -s -r ${key} -P '' -p ${place}`;

/** As `known_hosts` names a place: the usual port is not said. */
const known = (address: string, port: number) => (port === 22 ? address : `[${address}]:${port}`);

export async function publicKey(file: string): Promise<string> {
  const { stdout } = await execa("dropbearkey", ["-y", "-f", file], { env: { PATH } });
  return /^ssh-ed25519 \S+/m.exec(stdout)?.[0] ?? "";
}

export async function script(file: string, text: string): Promise<void> {
  await writeFile(file, `#!/bin/sh\n${text}\n`);
  await chmod(file, 0o755);
}

/** Dropbear's process for each connection, and not what was started in it. */
async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  return text.trim().split(" ").filter(Boolean).map(Number);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // ended meanwhile
  }
}

async function reachable(address: string, port: number, { ended }: Daemon): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const socket = connect(port, address);
    const there = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (there) return;
    const said = await Promise.race([ended, pause(50)]);
    if (said !== undefined) throw new Error(`dropbear ended: ${said}`);
  }
  throw new Error("dropbear does not listen");
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
