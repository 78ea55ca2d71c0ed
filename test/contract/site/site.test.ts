import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, vi } from "vitest";
import { createApi } from "../../../provider/api/server.ts";
import { newContext } from "../../../provider/kernel/context.ts";
import { silent } from "../../../provider/kernel/log.ts";
import { identityOf } from "../../../provider/serve/certificate.ts";
import { clientOf } from "../../../provider/site/client.ts";
import { guardedSite } from "../../../provider/site/guarded.ts";
import { httpsAddress } from "../../../provider/site/https/address.ts";
import { overHttps } from "../../../provider/site/https/transport.ts";
import { openLocalSite } from "../../../provider/site/local/index.ts";
import { SiteSettings } from "../../../provider/site/settings.ts";
import { sshAddress } from "../../../provider/site/ssh/address.ts";
import { overSsh } from "../../../provider/site/ssh/transport.ts";
import { overSocket } from "../../../provider/site/transport.ts";
import { bootHost } from "./boot-host.ts";
import { obeysSiteContract } from "./suite.ts";

async function local() {
  const folder = await mkdtemp(join(tmpdir(), "site-"));
  const settings = SiteSettings.parse({ stateDir: folder, cacheDir: join(folder, "cache") });
  const site = await openLocalSite(newContext(), settings, "1");
  const close = async () => {
    await site.close();
    await rm(folder, { recursive: true });
  };
  return { site, close, folder };
}

describe("a site in this process", () => {
  obeysSiteContract(local);
});

describe("a site behind a unix socket", () => {
  obeysSiteContract(async () => {
    const { site, close, folder } = await local();
    const api = createApi({ site, log: silent, busy: () => {}, stop: () => {} });
    const socket = join(folder, "s");
    await api.listen({ path: socket });
    return { site: clientOf(overSocket(socket)), close: () => api.close().then(close) };
  });
});

describe("a site behind https, for the bearer of a token", () => {
  obeysSiteContract(
    async () => {
      const { site: whole, close, folder } = await local();
      const tls = await identityOf(newContext(), { stateDir: folder });
      const site = guardedSite(whole, { name: "ci", owner: "*/*", scope: "deploy" });
      const api = createApi({ site: whole, log: silent, busy: () => {}, tls, admit: async () => ({ site }) });
      const url = await api.listen({ host: "127.0.0.1", port: 0 });
      const address = JSON.stringify({ url: url.replace("http:", "https:"), fingerprint: tls.fingerprint });
      const client = clientOf(overHttps(httpsAddress(address, undefined)));
      return { site: client, close: () => api.close().then(close) };
    },
    { elsewhere: true },
  );
});

describe("a site behind ssh", () => {
  afterAll(() => vi.unstubAllEnvs());
  obeysSiteContract(
    async () => {
      const host = await bootHost();
      vi.stubEnv("PATH", `${host.path}:${process.env["PATH"]}`);
      const site = clientOf(overSsh(sshAddress(host.address), "1"));
      const { pid } = await site.about(newContext());
      const close = async () => {
        process.kill(pid, "SIGTERM");
        await host.end();
      };
      return { site, close };
    },
    { elsewhere: true },
  );
});
