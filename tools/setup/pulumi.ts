import { createWriteStream } from "node:fs";
import { access, chmod, copyFile, mkdir, mkdtemp, realpath, rename, rm } from "node:fs/promises";
import { basename, delimiter, dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { execa } from "execa";
import { locate } from "../../provider/cli/programs.ts";
import { atLeast, versionIn } from "../../provider/cli/versions.ts";
import { Stop, type Teller } from "./say.ts";

/** A Pulumi CLI with what it needs beside it. */
export interface PulumiCli {
  /** The folder to put first in PATH; undefined when it is on PATH already. */
  readonly folder?: string;
  readonly version: string;
}

const wanted = "3.259.0";
const oldest = "3.230";
// The Node language host is a program of its own; its last version that is a downloadable Go module.
const hostVersion = "3.68.0";
// Where Go's own archive is unpacked to, which not everybody puts on PATH.
const goFolder = `${delimiter}/usr/local/go/bin`;
const companions = ["pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs"];
const program = (name: string) => ({ name, package: name, purpose: "" });

/** Find a Pulumi CLI or bring one: from PATH, our cache, Pulumi's download site, or built by Go from pinned sources. Throws a Stop. */
export async function ensurePulumi(say: Teller, cache: string, path: string): Promise<PulumiCli> {
  const onPath = await fromPath(path);
  if (onPath) return onPath;
  const folder = join(cache, "pulumi", `cli-${wanted}-${process.platform}-${process.arch}`);
  if (await locate(program("pulumi"), folder)) return { folder, version: wanted };
  const go = await goVersion(path + goFolder);
  const fetched = await download(say, folder).catch((error: unknown) => {
    if (go === undefined)
      throw new Stop(`The Pulumi CLI could not be downloaded (${reason(error)}).\n${remedy}`);
    return false;
  });
  if (!fetched && go) await build(say, folder, go, path + goFolder);
  return { folder, version: wanted };
}

const remedy = `Install Pulumi ${oldest} or newer (https://www.pulumi.com/docs/install/), or Go 1.25 or newer, with which it is built here; then run this again.`;
// fetch says only "fetch failed", and why in the cause.
const reason = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
};

// One that lacks the Node language host cannot run our programs and is passed over.
async function fromPath(path: string): Promise<PulumiCli | undefined> {
  const place = await locate(program("pulumi"), path);
  if (place === undefined) return undefined;
  const around = [dirname(await realpath(place)), path].join(delimiter);
  for (const name of companions) if (!(await locate(program(name), around))) return undefined;
  const said = await execa(place, ["version"], { reject: false, timeout: 10_000 });
  const version = versionIn(said.stdout ?? "");
  return said.exitCode === 0 && version && atLeast(version, oldest) ? { version } : undefined;
}

async function goVersion(path: string): Promise<string | undefined> {
  if (!(await locate(program("go"), path))) return undefined;
  const { stdout } = await execa("go", ["env", "GOVERSION"], { env: { PATH: path }, reject: false });
  const version = versionIn(stdout ?? "");
  return version && atLeast(version, "1.25") ? version : undefined;
}

async function download(say: Teller, folder: string): Promise<boolean> {
  const arch = process.arch === "arm64" ? "arm64" : "x64";
  const url = `https://get.pulumi.com/releases/sdk/pulumi-v${wanted}-${process.platform}-${arch}.tar.gz`;
  return await say.step(`Downloading the Pulumi CLI ${wanted}`, () =>
    install(folder, async (draft) => {
      const archive = join(draft, "archive.tar.gz");
      await fetchTo(url, archive);
      await execa("tar", ["-xzf", archive, "--strip-components=1", "-C", draft]);
      await rm(archive);
      return true;
    }),
  );
}

// Ten seconds without a byte, from the first on, is the limit: without a network this ends soon, on a slow one it goes on.
async function fetchTo(url: string, file: string): Promise<void> {
  const quiet = new AbortController();
  const end = () => quiet.abort(new Error("no answer for 10 seconds"));
  let timer = setTimeout(end, 10_000);
  try {
    const response = await fetch(url, { signal: quiet.signal });
    if (!response.ok || !response.body) throw new Error(`${url} answers ${response.status}`);
    const pieces = Readable.fromWeb(response.body as import("node:stream/web").ReadableStream);
    pieces.on("data", () => {
      clearTimeout(timer);
      timer = setTimeout(end, 10_000);
    });
    await pipeline(pieces, createWriteStream(file), { signal: quiet.signal });
  } finally {
    clearTimeout(timer);
  }
}

async function build(say: Teller, folder: string, go: string, path: string): Promise<void> {
  const text = `Building the Pulumi CLI ${wanted} with Go ${go} (about 4 minutes on 2 cores the first time)`;
  await say.step(text, () =>
    install(folder, async (draft) => {
      await goInstall("tools/pulumi-cli/cli", draft, wanted, path);
      await goInstall("tools/pulumi-cli/language-nodejs", draft, hostVersion, path);
      const launcher = "node_modules/@pulumi/pulumi/pulumi-resource-pulumi-nodejs";
      await copyFile(launcher, join(draft, basename(launcher)));
      await chmod(join(draft, basename(launcher)), 0o755);
    }),
  );
}

async function goInstall(module: string, folder: string, version: string, path: string): Promise<void> {
  const stamp = `github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${version}`;
  const words = ["install", "-trimpath", "-tags", "grpcnotrace", "-ldflags", `-s -w -X ${stamp}`, "tool"];
  // The user's own Go settings are for the user's own modules.
  const env = { PATH: path, GOBIN: folder, GOFLAGS: "", GOWORK: "off", GOOS: "", GOARCH: "" };
  const done = await execa("go", words, { cwd: module, env, all: true, reject: false, timeout: 2_400_000 });
  if (done.exitCode !== 0) {
    throw new Stop(`${done.all}\nGo could not build the Pulumi CLI: see above.\n${remedy}`);
  }
}

// Made beside its place and renamed into it whole, so that a run that was cut off leaves nothing that looks complete.
async function install<T>(folder: string, make: (draft: string) => Promise<T>): Promise<T> {
  await mkdir(dirname(folder), { recursive: true });
  const draft = await mkdtemp(`${folder}.`);
  try {
    const result = await make(draft);
    const probe = await execa(join(draft, "pulumi"), ["version"], { reject: false, timeout: 60_000 });
    if (probe.exitCode !== 0) throw new Stop(`The Pulumi CLI does not start: ${probe.stderr}`);
    await chmod(draft, 0o755);
    await rename(draft, folder).catch(async (error: unknown) => {
      // Another run was quicker.
      await access(join(folder, "pulumi")).catch(() => Promise.reject(error));
    });
    return result;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
