import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { readIdentity } from "../../../../provider/serve/certificate.ts";
import { programOf, sushyTools } from "../../../../tools/setup/python-tools.ts";
import { account } from "./kind.ts";

export const uuid = "b1b2b3b4-89ab-4def-8123-456789abcdef";
export const mac = "52:54:00:ab:cd:02";

/** sushy-tools' emulator of its own on 127.0.0.1, with one pretended system, our certificate and our account. */
export async function startSushy() {
  const folder = await mkdtemp(join(tmpdir(), "sushy-"));
  await mkdir(join(folder, "state"));
  const [certificate, key] = [join(folder, "certificate.pem"), join(folder, "key.pem")];
  await execa("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
    ...["-subj", "/CN=sushy", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
  ]);
  const tls = await readIdentity(certificate, key);
  const port = await freePort();
  const system = { uuid, name: "server", power_state: "Off", nics: [{ mac, ip: "10.99.0.7" }] };
  const input = JSON.stringify({ ...account, folder, port, certificate, key, systems: [system] });
  const script = join(import.meta.dirname, "sushy.py");
  // It dies with us, also when the test runner is killed.
  const words = ["--pdeathsig", "KILL", "--", programOf(sushyTools, "python"), script];
  const child = execa("setpriv", words, { cwd: folder, input, reject: false, all: true });
  const stop = async () => {
    child.kill("SIGKILL");
    await child;
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  let ended = false;
  const dead = child.then(({ all }) => {
    ended = true;
    throw new Error(`sushy-emulator ended: ${all}`);
  });
  try {
    await Promise.race([listens(port, () => ended), dead]);
  } catch (error) {
    await stop();
    throw error;
  }
  dead.catch(() => {});
  return { ...tls, port, stop };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function listens(port: number, ended: () => boolean): Promise<void> {
  while (!ended()) {
    const socket = connect(port, "127.0.0.1");
    const open = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (open) return;
    await pause(100);
  }
}
