import { once } from "node:events";
import { mkdir, readFile, stat } from "node:fs/promises";
import { request } from "node:https";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { launchOf } from "../../provider/launch.ts";
import { connectEmbedded } from "../../provider/site/embedded.ts";
import { SiteSettings } from "../../provider/site/settings.ts";
import { ask, serving, tsx } from "./serve-program.ts";

const launch = launchOf(process.execPath, ["--import", tsx]);
const ctx = newContext();
const { at, run, atEnd, site, settingsFile, service } = serving();

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
    expect((await stat(at("state", "tls"))).mode & 0o777).toBe(0o700);
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
    atEnd(() => {
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
      stateDir: at("second"),
      listen: { address: "127.0.0.1", port },
    });
    const { exitCode, stderr } = await run("serve", "--settings", file);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^the service cannot listen on 127\.0\.0\.1, port \d+: EADDRINUSE\. .*\[SERVE_PORT\]$/,
    );
  });

  it("uses a certificate of one's own, and refuses one that is not its key's", async () => {
    await mkdir(at("own"));
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
        ...["-keyout", at("own", `${name}.key`), "-out", at("own", `${name}.pem`)],
      ]);
    await Promise.all([make("a"), make("b")]);
    const place = (name: string) => at("own", name);
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
      const { exitCode, stderr } = await run("serve", "--settings", file, ...words);
      expect(exitCode).toBe(1);
      expect(stderr).toContain(`${place("b.key")} is not its private key`);
    }
    expect(await readFile(place("b.key"), "utf8")).toContain("PRIVATE KEY");
  });
});
