import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { stringify } from "yaml";

export const port = 10_443;
export const callbackPort = 10_000;

/** A real service with a store of its own, in a network without a way out: whatever it is asked to reach is not there. */
export interface FuzzedService {
  readonly token: string;
  readonly folder: string;
  /** One request as a client makes it; from another address than the hostile ones come from. */
  readonly ask: (path: string, body?: string, headers?: Headers) => Promise<Answer>;
  /** MiB of memory that it has now. */
  readonly memory: () => Promise<number>;
  /** What it said; a stack in it is a failure that nobody foresaw. */
  readonly log: () => string;
  readonly ended: () => boolean;
  readonly close: () => Promise<void>;
}
type Headers = Readonly<Record<string, string>>;
export interface Answer {
  readonly status: number;
  readonly text: string;
}

export async function openService(): Promise<FuzzedService> {
  const folder = await mkdtemp(join(tmpdir(), "fuzz-"));
  const settings = join(folder, "site.yaml");
  await writeFile(
    settings,
    stringify({
      ...{ stateDir: join(folder, "state"), cacheDir: join(folder, "cache") },
      ...{ interface: "lo", dhcp: "external", callbackPort, limits: { power: "1 second" } },
      listen: { address: "127.0.0.1", port },
    }),
  );
  const main = ["--import", "tsx", join(process.cwd(), "provider/main.ts")];
  const program = (...words: readonly string[]) =>
    execa(process.execPath, [...main, ...words, "--settings", settings], {
      ...{ reject: false, cwd: process.cwd() },
      env: { XDG_STATE_HOME: join(folder, "home") },
    });
  const child = program("serve");
  let said = "";
  child.stdout.on("data", (piece) => {
    said = `${said}${piece}`.slice(-2_000_000);
  });
  let ended = false;
  const end = child.then(() => {
    ended = true;
  });
  while (!said.includes("the service listens")) {
    if (ended) throw new Error(`the service did not start: ${said}`);
    await pause(100);
  }
  const { stdout: token } = await program("tokens", "add", "fuzz", "--owner", "*/*", "--scope", "admin");
  return {
    ...{ token, folder, log: () => said, ended: () => ended },
    ask: (path, body, headers = { authorization: `Bearer ${token}` }) => ask(path, body, headers),
    async memory() {
      const status = await readFile(`/proc/${child.pid}/status`, "utf8");
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
    },
    async close() {
      child.kill("SIGTERM");
      await end;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function ask(path: string, body: string | undefined, headers: Headers): Promise<Answer> {
  const asking = request({
    ...{ host: "127.0.0.1", port, path, localAddress: "127.0.0.2", agent: false, rejectUnauthorized: false },
    method: body === undefined ? "GET" : "POST",
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    timeout: 120_000,
  });
  asking.on("timeout", () => asking.destroy(new Error(`${path}: no answer within 2 minutes`)));
  const response = once(asking, "response");
  asking.end(body);
  const [answer] = await response;
  let text = "";
  for await (const piece of answer) text += piece;
  return { status: answer.statusCode, text };
}
