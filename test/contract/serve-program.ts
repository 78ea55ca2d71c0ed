import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { execa } from "execa";
import { afterEach, beforeEach, vi } from "vitest";
import { stringify } from "yaml";
import { freePort } from "./site/boot-host.ts";

export const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
export const main = fileURLToPath(new URL("../../provider/main.ts", import.meta.url));

/** The program in a folder of its own for each test of a file; what still runs then is ended. */
export function serving() {
  let folder = "";
  const running = new Set<() => void>();
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "serve-"));
  });
  afterEach(async () => {
    for (const kill of running) kill();
    running.clear();
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  });
  const run = (...words: readonly string[]) =>
    execa(process.execPath, ["--import", tsx, main, ...words], { cwd: folder, reject: false });
  const site = () => ({ stateDir: join(folder, "state"), cacheDir: join(folder, "cache"), interface: "lo" });

  async function settingsFile(more: object = {}): Promise<string> {
    const file = join(folder, "site.yaml");
    await writeFile(file, stringify({ ...site(), ...more }));
    return file;
  }
  /** One that goes on until the test ends. */
  function start(...words: readonly string[]) {
    const child = run(...words);
    running.add(() => void child.kill("SIGKILL"));
    return child;
  }
  return {
    ...{ at: (...parts: readonly string[]) => join(folder, ...parts), run, start, site, settingsFile },
    atEnd: (stop: () => void) => void running.add(stop),
    /** A service that listens, and what it said of itself. */
    async service(more: object = {}) {
      const port = await freePort();
      const file = await settingsFile({ listen: { address: "127.0.0.1", port }, ...more });
      const child = start("serve", "--settings", file);
      let out = "";
      child.stdout.on("data", (piece) => {
        out += piece;
      });
      const said = await vi.waitFor(() => {
        const line = out.split("\n").find((one) => one.includes("the service listens"));
        if (line === undefined) throw new Error(`it is not there yet: ${out}`);
        return JSON.parse(line) as { readonly fingerprint: string };
      }, 15_000);
      return { ...said, port, file, child, log: () => out };
    },
  };
}

/** Ask by HTTPS; whose certificate it is is looked at by the test. */
export async function ask(port: number, path: string) {
  const asking = request({ host: "127.0.0.1", port, path, rejectUnauthorized: false, agent: false }).end();
  const [response] = await once(asking, "response");
  let body = "";
  for await (const piece of response) body += piece;
  const { fingerprint256 } = response.socket.getPeerCertificate() as { readonly fingerprint256: string };
  return { status: response.statusCode as number, body: JSON.parse(body), fingerprint256 };
}
