import { cp, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { newContext } from "../../../provider/kernel/context.ts";
import { version } from "../../../provider/launch.ts";
import { clientOf } from "../../../provider/site/client.ts";
import { connectRemote } from "../../../provider/site/remote.ts";
import { type SiteSettings, socketOf } from "../../../provider/site/settings.ts";
import type { Site } from "../../../provider/site/site.ts";
import { overSocket } from "../../../provider/site/transport.ts";

const checkout = fileURLToPath(new URL("../../../", import.meta.url));

/** A service that listens. */
export interface Service {
  readonly pid: number;
  readonly fingerprint: string;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Its exit code. */
  readonly ended: Promise<number | undefined>;
}

/** The compiled package as it would be installed in another version, in a folder of its own. */
export async function otherVersion(folder: string, number: string): Promise<string> {
  await cp(join(checkout, "dist"), join(folder, "dist"), { recursive: true });
  const text = await readFile(join(checkout, "package.json"), "utf8");
  await writeFile(join(folder, "package.json"), JSON.stringify({ ...JSON.parse(text), version: number }));
  await symlink(join(checkout, "node_modules"), join(folder, "node_modules"));
  return folder;
}

/** Start the package of a folder as a service, and wait until it listens. */
export async function startService(
  settings: SiteSettings,
  port: number,
  folder = checkout,
): Promise<Service> {
  const file = join(settings.stateDir, "..", "site.yaml");
  await writeFile(file, JSON.stringify({ ...settings, listen: { address: "127.0.0.1", port } }));
  const main = join(folder, "dist/provider/main.js");
  const child = execa(
    "setpriv",
    ["--pdeathsig", "KILL", process.execPath, main, "serve", "--settings", file],
    {
      ...{ stdin: "ignore", all: true, reject: false, buffer: false },
    },
  );
  let said = "";
  const fingerprint = await new Promise<string>((resolve, reject) => {
    child.all.on("data", (piece) => {
      said += piece;
      const told = /"the service listens".*"fingerprint":"([^"]+)"/.exec(said)?.[1];
      if (told !== undefined) resolve(told);
    });
    void child.then(() => reject(new Error(`the service ended: ${said}`)));
  });
  return {
    ...{ pid: child.pid ?? 0, fingerprint },
    kill: (signal) => void child.kill(signal),
    ended: child.then(({ exitCode }) => exitCode),
  };
}

/** A service's site by HTTPS, with a token of its own. */
export async function clientOfService(
  { stateDir, cacheDir }: SiteSettings,
  port: number,
  { fingerprint }: Service,
): Promise<Site> {
  const ctx = newContext();
  const onHost = clientOf(overSocket(socketOf(stateDir)));
  const bearer = { name: "lab", owner: "*/*", scope: "deploy" } as const;
  const { token } = await onHost.perform(ctx, { kind: "add token", ...bearer });
  const site = JSON.stringify({ url: `https://127.0.0.1:${port}`, token, fingerprint });
  const client = await connectRemote(ctx, site, { version: version(), token: undefined, cacheDir });
  if (client === undefined) throw new Error("it is no address");
  return client;
}
