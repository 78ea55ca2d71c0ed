import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { newContext } from "../../../../provider/kernel/context.ts";
import { openLocalSite } from "../../../../provider/site/local/index.ts";
import { SiteSettings } from "../../../../provider/site/settings.ts";
import { ref, specs } from "../../../fixtures/site-parts.ts";
import { account, type Machine, startMachine } from "./machine.ts";

const ctx = newContext();
let folder: string;
let machine: Machine;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "webhook-site-"));
  machine = await startMachine();
});
afterEach(async () => {
  await machine.stop();
  await rm(folder, { recursive: true });
});

async function withSite<T>(webhooks: unknown, use: (site: Site) => Promise<T>): Promise<T> {
  const places = { stateDir: folder, cacheDir: join(folder, "cache") };
  const site = await openLocalSite(newContext(), SiteSettings.parse({ ...places, webhooks }), "1");
  try {
    return await use(site);
  } finally {
    await site.close();
  }
}
type Site = Awaited<ReturnType<typeof openLocalSite>>;

const token = "Bearer pbt_planted-token";
const node = () => {
  const at = (word: string) => ({ url: `${machine.url}/{address}/${word}` });
  const orders = { on: at("on"), off: at("off"), state: { ...at("state"), path: "[0].ison" } };
  const login = { ...account, auth: "basic", headers: { "X-Token": token } };
  return { ...specs.node(""), power: { driver: "webhook", address: "u7", ...orders, ...login } };
};

it("is enrolled, its login sealed, and asked no more by a site that asks nobody", async () => {
  await withSite("any", async (site) => {
    expect(await site.nodes.ensure(ctx, ref("n1"), node())).toMatchObject({ powerState: "off" });
    const [listed] = await site.nodes.list(ctx);
    const hidden = { password: "[secret]", headers: { "X-Token": "[secret]" } };
    expect(listed).toMatchObject({ power: { user: "admin", ...hidden } });
    const files = (await readdir(folder, { withFileTypes: true })).filter((one) => one.isFile());
    const kept = await Promise.all(files.map(({ name }) => readFile(join(folder, name), "latin1")));
    expect(kept.join()).toContain(machine.url);
    for (const secret of [account.password, token]) expect(kept.join()).not.toContain(secret);
  });
  const asked = machine.requests.length;
  expect(asked).toBeGreaterThan(0);
  await withSite(["10.0.0.0/8"], async (site) => {
    await expect(site.nodes.observe(ctx, ref("n1"))).rejects.toMatchObject({ code: "POWER_HOST_REFUSED" });
    const again = site.nodes.ensure(ctx, ref("n1"), node());
    await expect(again).rejects.toMatchObject({ code: "POWER_HOST_REFUSED" });
  });
  expect(machine.requests).toHaveLength(asked);
  await withSite(["127.0.0.0/8"], async (site) => {
    expect(await site.nodes.observe(ctx, ref("n1"))).toMatchObject({ powerState: "off", reachable: true });
  });
});
