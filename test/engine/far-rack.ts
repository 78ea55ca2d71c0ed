import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { stringify } from "yaml";
import { buildTestImages, imageCache, type TestImages } from "../../tools/images/index.ts";
import { type BootHost, bootHost } from "../contract/site/boot-host.ts";
import { type LabServer, openLab } from "../lab/lab/index.ts";
import { programsRunning } from "../lab/programs.ts";
import { bootAddress, type ClientHost, clientHost } from "./apart.ts";
import { type Knobs, programOf } from "./declare.ts";
import { allEnded, processesOf } from "./processes.ts";
import { settingsOf } from "./rack.ts";
import { openWorkspace, type Workspace } from "./workspace.ts";

/** A user on a host that reaches nothing of the lab but the ssh of its boot host, whose files it does not share. */
export interface FarRack extends Omit<Workspace, "program"> {
  /** The folder of the program: it is not on the boot host. */
  readonly programFolder: string;
  /** Paper servers first, then those of QEMU. */
  readonly servers: readonly LabServer[];
  readonly images: TestImages;
  readonly program: (knobs?: Knobs) => string;
  readonly client: ClientHost;
  readonly boot: BootHost;
  /** Have a service take the store over on the boot host, also from the one before. Answers what a program's `baremetal:site` says to reach it. */
  readonly serve: () => Promise<string>;
  /** Let no more through to a server than so much, as `tc` writes rates. */
  readonly slow: (server: LabServer, rate: string) => Promise<void>;
}

const main = fileURLToPath(new URL("../../dist/provider/main.js", import.meta.url));
const httpsPort = 10_443;

/** Real kernels boot in 20 s where nothing else runs. */
const limits = { callback: "5 minutes", answer: "5 minutes" } as const;

/** Open the lab with servers and the boot host in it, and a workspace behind one cable. */
export async function openFarRack(paper: readonly string[], qemu: readonly string[] = []): Promise<FarRack> {
  const folder = await mkdtemp(join(tmpdir(), "baremetal-far-"));
  const hidden = await mkdtemp(join(tmpdir(), "baremetal-client-"));
  const lab = await openLab({ dir: folder });
  const client = await clientHost();
  const command = [process.execPath, main];
  const boot = await bootHost({ address: bootAddress, port: 22, hidden: [hidden], command });
  const cacheDir = join(folder, "cache");
  // Images are its own; the ramdisk is the one that was built before the lab was entered.
  await mkdir(cacheDir);
  await symlink(join(dirname(imageCache()), "ramdisk"), join(cacheDir, "ramdisk"));
  const site = { ...settingsOf({ limits }), stateDir: join(boot.home, "state"), cacheDir };
  await writeFile(join(boot.home, ".config", "pulumi-baremetal", "site.yaml"), stringify(site));
  const [images, ...servers] = await Promise.all([
    buildTestImages(imageCache()),
    ...paper.map((name) => lab.paper({ name })),
    ...qemu.map((name) => lab.server({ name })),
  ]);
  const options = {
    site: boot.address,
    through: client.through,
    env: { PATH: boot.path },
    parent: hidden,
    timeout: 600_000, // a cable that is cut takes its time
  };
  let services = 0;
  let service: Awaited<ReturnType<typeof startService>> | undefined;
  const { program: programFolder, ...workspace } = await openWorkspace("rack", ["dev"], options);
  return {
    ...workspace,
    ...{ programFolder, servers, images, client, boot },
    program: (knobs) => programOf(servers, images, knobs),
    async serve() {
      await service?.stop();
      services += 1;
      service = await startService(boot, hidden, site, `far-${services}`);
      return service.address;
    },
    async slow({ name, mac }, rate) {
      const port = `${qemu.includes(name) ? "t" : "p"}${mac.replaceAll(":", "")}`;
      await execa("tc", `qdisc replace dev ${port} root tbf rate ${rate} burst 64k latency 100ms`.split(" "));
    },
    async close() {
      for (const pid of await processesOf(boot.folder)) end(pid);
      await workspace.close();
      await boot.end();
      await allEnded(boot.folder);
      await client.end();
      await lab.close();
      for (const one of [folder, hidden]) await rm(one, { recursive: true, force: true, maxRetries: 3 });
      const left = await programsRunning();
      if (left.length > 0) throw new Error(`still there: ${left.join("; ")}`);
    },
  };
}

/** As systemd would start it, on a host without the client's files. */
async function startService(
  { folder, home }: BootHost,
  hidden: string,
  site: object,
  token: string,
): Promise<{ readonly address: string; readonly stop: () => Promise<void> }> {
  const file = join(folder, "service.yaml");
  await writeFile(file, stringify({ ...site, listen: { address: bootAddress, port: httpsPort } }));
  const run = (words: string) =>
    `cd ${folder} && exec ${process.execPath} ${main} ${words} --settings ${file}`;
  const serve = `mount -t tmpfs none ${hidden}; ${run("serve")}`;
  const words = ["--pdeathsig", "KILL", "--", "unshare", "--mount", "sh", "-ec", serve];
  const service = execa("setpriv", words, { env: { HOME: home }, all: true, reject: false });
  let said = "";
  service.all.on("data", (piece) => {
    said += piece;
  });
  const fingerprint = await until(
    () => /"fingerprint":"([^"]+)"/.exec(said)?.[1],
    () => said,
  );
  const added = await execa("sh", ["-c", run(`tokens add ${token} --owner '*/*' --scope deploy`)]);
  return {
    address: JSON.stringify({
      url: `https://${bootAddress}:${httpsPort}`,
      fingerprint,
      token: added.stdout.trim(),
    }),
    async stop() {
      service.kill("SIGTERM");
      await service;
    },
  };
}

async function until<T>(look: () => T | undefined, otherwise: () => string): Promise<T> {
  for (let tries = 0; tries < 600; tries += 1) {
    const found = look();
    if (found !== undefined) return found;
    await pause(100);
  }
  throw new Error(`not within a minute: ${otherwise()}`);
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch {
    // ended meanwhile
  }
}
