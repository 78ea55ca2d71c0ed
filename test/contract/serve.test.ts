import { X509Certificate } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer as createHttpsServer, request } from "node:https";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath, pathToFileURL } from "node:url";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { stringify } from "yaml";
import { newContext, type Progress } from "../../provider/kernel/context.ts";
import { launchOf } from "../../provider/launch.ts";
import { connectEmbedded } from "../../provider/site/embedded.ts";
import { httpsAddress } from "../../provider/site/https/address.ts";
import { overHttps } from "../../provider/site/https/transport.ts";
import { connectRemote } from "../../provider/site/remote.ts";
import { SiteSettings } from "../../provider/site/settings.ts";
import type { Site } from "../../provider/site/site.ts";
import { wire } from "../../provider/site/wire.ts";
import { specs } from "../fixtures/site-parts.ts";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const main = fileURLToPath(new URL("../../provider/main.ts", import.meta.url));
const launch = launchOf(process.execPath, ["--import", tsx]);
const ctx = newContext();
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

const program = (...words: readonly string[]) =>
  execa(process.execPath, ["--import", tsx, main, ...words], { cwd: folder, reject: false });

/** A port that nobody has. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

const site = () => ({ stateDir: join(folder, "state"), cacheDir: join(folder, "cache"), interface: "lo" });

async function settingsFile(more: object = {}): Promise<string> {
  const file = join(folder, "site.yaml");
  await writeFile(file, stringify({ ...site(), ...more }));
  return file;
}

/** A service that listens, and what it said of itself. */
async function service(more: object = {}) {
  const port = await freePort();
  const file = await settingsFile({ listen: { address: "127.0.0.1", port }, ...more });
  const child = program("serve", "--settings", file);
  let out = "";
  child.stdout.on("data", (piece) => {
    out += piece;
  });
  running.add(end(child));
  const said = await vi.waitFor(() => {
    const line = out.split("\n").find((one) => one.includes("the service listens"));
    if (line === undefined) throw new Error(`it is not there yet: ${out}`);
    return JSON.parse(line) as { readonly fingerprint: string };
  }, 15_000);
  return { ...said, port, file, child, log: () => out };
}
const end = (child: { kill: (signal: "SIGKILL") => unknown }) => () => void child.kill("SIGKILL");

/** Ask by HTTPS; whose certificate it is is looked at by the test. */
async function ask(port: number, path: string) {
  const asking = request({ host: "127.0.0.1", port, path, rejectUnauthorized: false, agent: false }).end();
  const [response] = await once(asking, "response");
  let body = "";
  for await (const piece of response) body += piece;
  const { fingerprint256 } = response.socket.getPeerCertificate() as { readonly fingerprint256: string };
  return { status: response.statusCode as number, body: JSON.parse(body), fingerprint256 };
}

async function fileAt(port: number, path: string) {
  const asking = request({ host: "127.0.0.1", port, path, rejectUnauthorized: false, agent: false }).end();
  const [response] = await once(asking, "response");
  response.resume();
  return { status: response.statusCode, policy: response.headers["content-security-policy"] };
}

describe("a service", () => {
  it("shows its certificate's fingerprint, is well, answers nothing else to strangers, and ends with 0 when it is asked to", async () => {
    const { port, fingerprint, child, log } = await service({ idle: "200 ms" });
    expect(await ask(port, "/healthz")).toMatchObject({ status: 200, body: { status: "ok" } });
    for (const path of [
      "/v1/about",
      "/v1/nodes",
      "/v1/watch/nodes/n1",
      "/v1/nothing",
      "/healthz/..%2fv1/nodes",
    ]) {
      const { status, body } = await ask(port, path);
      expect([path, status, body.failure.code]).toEqual([path, 401, "TOKEN_MISSING"]);
    }
    expect((await ask(port, "/healthz")).fingerprint256).toBe(fingerprint);
    // The page itself holds nothing of the site.
    for (const path of ["/", "/page/main.js", "/page/theme.css"]) {
      const { status, policy } = await fileAt(port, path);
      expect([path, status, policy]).toEqual([path, 200, expect.stringContaining("default-src 'none'")]);
    }
    expect((await ask(port, "/page/..%2fv1/nodes")).status).toBe(401);
    expect((await stat(join(folder, "state", "tls"))).mode & 0o777).toBe(0o700);
    await new Promise((resolve) => setTimeout(resolve, 500)); // longer than an embedded one would stay
    expect((await ask(port, "/healthz")).status).toBe(200);
    child.kill("SIGTERM");
    expect(await child).toMatchObject({ exitCode: 0, stderr: "" });
    expect(log()).not.toContain("PRIVATE KEY");
    await expect(ask(port, "/healthz")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    // Started again it is the same: clients have pinned it.
    expect((await service()).fingerprint).toBe(fingerprint);
  });

  it("is used over its socket by programs of this host, whatever their settings, and is replaced by none", async () => {
    await service();
    const other = SiteSettings.parse({ ...site(), maxErase: 7 });
    const found = await connectEmbedded(ctx, other, { ...launch, version: "0.0.0-other" });
    expect(await found.about(ctx)).toMatchObject({ service: true, jobs: [] });
    expect(await found.nodes.list(ctx)).toEqual([]);
  });

  it("takes the place of an embedded helper that has nothing to do", async () => {
    const embedded = await connectEmbedded(ctx, SiteSettings.parse(site()), launch);
    const { pid } = await embedded.about(ctx);
    running.add(() => {
      try {
        process.kill(pid, "SIGKILL");
      } catch {} // it has ended, as it should
    });
    await service();
    const now = await connectEmbedded(ctx, SiteSettings.parse(site()), launch);
    expect(await now.about(ctx)).toMatchObject({ service: true });
    expect(() => process.kill(pid, 0)).toThrow();
  });

  it("tells who has its port, and leaves nothing behind that runs", async () => {
    const { port } = await service();
    const file = await settingsFile({
      stateDir: join(folder, "second"),
      listen: { address: "127.0.0.1", port },
    });
    const { exitCode, stderr } = await program("serve", "--settings", file);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^the service cannot listen on 127\.0\.0\.1, port \d+: EADDRINUSE\. .*\[SERVE_PORT\]$/,
    );
  });

  it("uses a certificate of one's own, and refuses one that is not its key's", async () => {
    await mkdir(join(folder, "own"));
    const make = (name: string) =>
      execa("openssl", [
        ...[
          "req",
          "-x509",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:P-256",
          "-nodes",
          "-subj",
          "/CN=own",
        ],
        ...["-keyout", join(folder, "own", `${name}.key`), "-out", join(folder, "own", `${name}.pem`)],
      ]);
    await Promise.all([make("a"), make("b")]);
    const place = (name: string) => join(folder, "own", name);
    const { port, fingerprint } = await service({ certificate: place("a.pem"), key: place("a.key") });
    const { stdout } = await execa("openssl", [
      "x509",
      "-noout",
      "-fingerprint",
      "-sha256",
      "-in",
      place("a.pem"),
    ]);
    expect(stdout).toContain(fingerprint);
    expect((await ask(port, "/healthz")).fingerprint256).toBe(fingerprint);
    const file = await settingsFile({ certificate: place("a.pem"), key: place("b.key") });
    for (const words of [["--check"], []]) {
      const { exitCode, stderr } = await program("serve", "--settings", file, ...words);
      expect(exitCode).toBe(1);
      expect(stderr).toContain(`${place("b.key")} is not its private key`);
    }
    expect(await readFile(place("b.key"), "utf8")).toContain("PRIVATE KEY");
  });
});

/** A token of this service, made on its host as a person does. */
async function tokenOf(name: string, owner: string, scope: string): Promise<string> {
  const words = ["tokens", "add", name, "--owner", owner, "--scope", scope];
  const { stdout, exitCode } = await program(...words, "--settings", join(folder, "site.yaml"));
  expect(exitCode).toBe(0);
  return stdout;
}
const clientFor = async (port: number, more: object, token?: string): Promise<Site> => {
  const site = JSON.stringify({ url: `https://127.0.0.1:${port}`, ...more });
  const client = await connectRemote(ctx, site, {
    version: "0.1.0",
    token,
    cacheDir: join(folder, "client"),
  });
  if (client === undefined) throw new Error("it is no address");
  return client;
};

describe("a client of a service", () => {
  it("with a token and the fingerprint does what the token is for, and is told why not the rest", async () => {
    const { port, fingerprint, log } = await service();
    const token = await tokenOf("ci", "shop/*", "read");
    const site = await clientFor(port, { token, fingerprint });
    const ref = { owner: "org/shop/prod", name: "n1" };
    const spec = specs.node("127.0.0.1");
    expect((await site.nodes.plan(ctx, ref, spec, { folder })).failures).toEqual([]);
    expect(await site.nodes.list(ctx)).toEqual([]);
    await expect(site.nodes.ensure(ctx, ref, spec)).rejects.toMatchObject({ code: "TOKEN_SCOPE" });
    const another = { ...ref, owner: "org/blog/prod" };
    await expect(site.nodes.observe(ctx, another)).rejects.toMatchObject({ code: "TOKEN_OWNER" });
    const backup = { kind: "backup", folder: join(folder, "backup") } as const;
    await expect(site.perform(ctx, backup)).rejects.toMatchObject({ code: "TOKEN_SCOPE" });
    await program("tokens", "remove", "ci", "--settings", join(folder, "site.yaml"));
    await expect(site.nodes.list(ctx)).rejects.toMatchObject({ code: "TOKEN_MISSING" });
    expect(log()).not.toContain(token);
    // It is written beside the answer, not before it.
    const audit = await vi.waitFor(async () => {
      const written = await readFile(join(folder, "state", "audit.log"), "utf8");
      expect(written).toContain("TOKEN_MISSING");
      return written;
    }, 10_000);
    const lines = audit
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ who, what, outcome }) => `${who}: ${what}: ${outcome}`)).toEqual([
      ...[
        "socket: add token: ok",
        "ci: nodes plan: ok",
        "ci: nodes list: ok",
        "ci: nodes ensure: TOKEN_SCOPE",
      ],
      ...["ci: nodes observe: TOKEN_OWNER", "ci: backup: TOKEN_SCOPE", "socket: remove token: ok"],
      "nobody: entry: TOKEN_MISSING",
    ]);
    expect(audit).not.toContain(token);
    expect((await ask(port, "/metrics")).status).toBe(401);
    const asked = overHttps(
      httpsAddress(
        JSON.stringify({ url: `https://127.0.0.1:${port}`, fingerprint }),
        await tokenOf("p", "*/*", "read"),
      ),
    );
    const metrics = await asked.send(ctx, "/metrics");
    const exposition = await text(metrics.body);
    for (const line of [
      'baremetal_requests_total{what="nodes ensure",outcome="TOKEN_SCOPE"} 1\n',
      'baremetal_refused_total{route="POST /v1/nodes/ensure",status="403",code="TOKEN_SCOPE"} 1\n',
      'baremetal_refused_total{route="GET /metrics",status="401",code="TOKEN_MISSING"} 1\n',
    ]) {
      expect(exposition).toContain(line);
    }
  });

  it("takes its token from the environment, and none is told to who shows another certificate", async () => {
    const { port, fingerprint } = await service();
    const token = await tokenOf("ci", "*/*", "admin");
    const command = (site: object, env: object = { BAREMETAL_TOKEN: token }) =>
      execa(process.execPath, ["--import", tsx, main, "nodes", "list", "--site", JSON.stringify(site)], {
        ...{ cwd: folder, reject: false },
        env: { ...env, NO_COLOR: "1" },
      });
    const url = `https://127.0.0.1:${port}`;
    expect(await command({ url, fingerprint: `sha256:${fingerprint.toLowerCase()}` })).toMatchObject({
      exitCode: 0,
    });
    const cases: readonly (readonly [object, object, string])[] = [
      [{ url, fingerprint }, {}, "TOKEN_MISSING"],
      [{ url, fingerprint }, { BAREMETAL_TOKEN: `${token}x` }, "TOKEN_MISSING"],
      [{ url, fingerprint: "AB".repeat(32) }, { BAREMETAL_TOKEN: token }, "SERVICE_FINGERPRINT"],
      [{ url }, { BAREMETAL_TOKEN: token }, "SERVICE_CERTIFICATE"],
      [{ url: "https://127.0.0.1:1", fingerprint }, { BAREMETAL_TOKEN: token }, "SERVICE_NOT_REACHED"],
    ];
    for (const [site, env, code] of cases) {
      const { exitCode, stderr } = await command(site, env);
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`[${code}]`)]);
      expect(stderr).not.toContain(token);
    }
  });

  it("sends its token to nobody who shows another certificate", async () => {
    const { cert, key } = await selfSigned();
    const heard: string[] = [];
    const impostor = createHttpsServer({ cert, key }, ({ headers }, response) => {
      heard.push(String(headers.authorization));
      response.end(JSON.stringify({ version: "0.1.0", wire }));
    }).listen(0, "127.0.0.1");
    await once(impostor, "listening");
    const { port } = impostor.address() as { port: number };
    const asking = clientFor(port, { token: "pbm_x", fingerprint: "AB".repeat(32) });
    await expect(asking).rejects.toMatchObject({ code: "SERVICE_FINGERPRINT" });
    await expect(clientFor(port, { token: "pbm_x" })).rejects.toMatchObject({ code: "SERVICE_CERTIFICATE" });
    const { fingerprint256 } = new X509Certificate(cert);
    await clientFor(port, { token: "pbm_x", fingerprint: fingerprint256 });
    expect(heard).toEqual(["Bearer pbm_x"]); // the pinned one alone
    impostor.close();
    impostor.closeAllConnections();
  });

  it("comes back to a service that ended in the middle and was started again", async () => {
    const bmc = createSocket("udp4").bind(0, "127.0.0.1");
    await once(bmc, "listening");
    const { port, fingerprint, child, file } = await service();
    const token = await tokenOf("ci", "*/*", "deploy");
    const site = await clientFor(port, { token, fingerprint });
    const progress: Progress[] = [];
    const controller = new AbortController();
    const own = newContext({ signal: controller.signal, report: (one) => progress.push(one) });
    const spec = specs.node("127.0.0.1");
    const silent = { ...spec, power: { ...spec.power, port: bmc.address().port } };
    const asked = once(bmc, "message");
    const enrolling = site.nodes
      .ensure(own, { owner: "org/shop/prod", name: "n1" }, silent)
      .catch((error) => error);
    await asked;
    child.kill("SIGTERM");
    expect(await child).toMatchObject({ exitCode: 0 });
    await vi.waitFor(() => expect(progress.at(-1)?.stage).toContain("waiting for the service"), 10_000);
    const askedAgain = once(bmc, "message");
    running.add(end(program("serve", "--settings", file)));
    await askedAgain; // by the new one
    controller.abort(new Error("enough"));
    expect(await enrolling).toMatchObject({ message: "enough" });
    bmc.close();
  });
});

async function selfSigned() {
  const [key, cert] = [join(folder, "i.key"), join(folder, "i.pem")];
  const words = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=impostor"];
  await execa("openssl", ["req", "-x509", ...words, "-keyout", key, "-out", cert]);
  return { key: await readFile(key, "utf8"), cert: await readFile(cert, "utf8") };
}
