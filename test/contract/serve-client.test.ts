import { X509Certificate } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer as createHttpsServer } from "node:https";
import { text } from "node:stream/consumers";
import { execa } from "execa";
import { describe, expect, it, vi } from "vitest";
import { newContext, type Progress } from "../../provider/kernel/context.ts";
import { httpsAddress } from "../../provider/site/https/address.ts";
import { overHttps } from "../../provider/site/https/transport.ts";
import { connectRemote } from "../../provider/site/remote.ts";
import type { Site } from "../../provider/site/site.ts";
import { wire } from "../../provider/site/wire.ts";
import { specs } from "../fixtures/site-parts.ts";
import { ask, main, serving, tsx } from "./serve-program.ts";

const ctx = newContext();
const { at, run, start, service } = serving();

/** A token of this service, made on its host as a person does. */
async function tokenOf(name: string, owner: string, scope: string): Promise<string> {
  const words = ["tokens", "add", name, "--owner", owner, "--scope", scope];
  const { stdout, exitCode } = await run(...words, "--settings", at("site.yaml"));
  expect(exitCode).toBe(0);
  return stdout;
}
const clientFor = async (port: number, more: object, token?: string): Promise<Site> => {
  const site = JSON.stringify({ url: `https://127.0.0.1:${port}`, ...more });
  const client = await connectRemote(ctx, site, {
    version: "0.1.0",
    token,
    cacheDir: at("client"),
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
    expect((await site.nodes.plan(ctx, ref, spec, { folder: at() })).failures).toEqual([]);
    expect(await site.nodes.list(ctx)).toEqual([]);
    await expect(site.nodes.ensure(ctx, ref, spec)).rejects.toMatchObject({ code: "TOKEN_SCOPE" });
    const another = { ...ref, owner: "org/blog/prod" };
    await expect(site.nodes.observe(ctx, another)).rejects.toMatchObject({ code: "TOKEN_OWNER" });
    const backup = { kind: "backup", folder: at("backup") } as const;
    await expect(site.perform(ctx, backup)).rejects.toMatchObject({ code: "TOKEN_SCOPE" });
    await run("tokens", "remove", "ci", "--settings", at("site.yaml"));
    await expect(site.nodes.list(ctx)).rejects.toMatchObject({ code: "TOKEN_MISSING" });
    expect(log()).not.toContain(token);
    // It is written beside the answer, not before it.
    const audit = await vi.waitFor(async () => {
      const written = await readFile(at("state", "audit.log"), "utf8");
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
        ...{ cwd: at(), reject: false },
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
    start("serve", "--settings", file);
    await askedAgain; // by the new one
    controller.abort(new Error("enough"));
    expect(await enrolling).toMatchObject({ message: "enough" });
    bmc.close();
  });
});

async function selfSigned() {
  const [key, cert] = [at("i.key"), at("i.pem")];
  const words = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=impostor"];
  await execa("openssl", ["req", "-x509", ...words, "-keyout", key, "-out", cert]);
  return { key: await readFile(key, "utf8"), cert: await readFile(cert, "utf8") };
}
