import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createApi } from "../../../provider/api/server.ts";
import { newContext, type Progress } from "../../../provider/kernel/context.ts";
import { silent } from "../../../provider/kernel/log.ts";
import { clientOf } from "../../../provider/site/client.ts";
import { guardedSite } from "../../../provider/site/guarded.ts";
import { openLocalSite } from "../../../provider/site/local/index.ts";
import { SiteSettings } from "../../../provider/site/settings.ts";
import type { Site } from "../../../provider/site/site.ts";
import { overSocket } from "../../../provider/site/transport.ts";
import { commandLine } from "../../fixtures/command-line.ts";
import { ref, specs } from "../../fixtures/site-parts.ts";

let site: Site;
let whole: Site;
let folder: string;
let close: () => Promise<void>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "manual-"));
  const settings = SiteSettings.parse({
    ...{ stateDir: folder, cacheDir: join(folder, "cache"), interface: "lo" },
    manners: { poll: "50 ms", rest: "1 ms" },
  });
  const local = await openLocalSite(newContext(), settings, "1");
  const api = createApi({ site: local, log: silent, busy: () => {}, stop: () => {} });
  await api.listen({ path: join(folder, "s") });
  [whole, site] = [local, clientOf(overSocket(join(folder, "s")))];
  close = async () => {
    await api.close();
    await local.close();
    await rm(folder, { recursive: true });
  };
});
afterAll(() => close());

const node = {
  ...specs.node("", { provide: true }),
  power: { driver: "manual", address: "rack 1, unit 7" },
};

/** A caller whose row shows this. */
function row() {
  const shown: string[] = [];
  const report = ({ stage, note }: Progress) => void shown.push(note ? `${stage} (${note})` : stage);
  return { ctx: newContext({ report }), shown };
}
const confirm = (...words: string[]) => commandLine({ site: () => site }).run("nodes", "confirm", ...words);

it("enrols a server as somebody says that it is, and asks nobody at a preview", async () => {
  const preview = row();
  const { failures, warnings } = await site.nodes.plan(preview.ctx, ref("n1"), node, { dryRun: true });
  expect(failures).toEqual([]);
  expect(warnings.join()).toContain("rack 1, unit 7 is switched by hand");
  expect(preview.shown).toEqual([]);
  expect(await confirm("n1", "on")).toMatchObject({ code: "SITE_UNKNOWN_REFERENCE" });

  const { ctx, shown } = row();
  const enrolled = site.nodes.ensure(ctx, ref("n1"), node);
  await expect
    .poll(() => shown)
    .toContain("look whether rack 1, unit 7 is on (then npx pulumi-baremetal nodes confirm n1 on|off)");
  expect(await confirm("n1")).toMatchObject({ code: "POWER_NOTHING_ASKED" });
  // It has no record yet by which its owner could be told.
  const [own, others] = ["shop/*", "blog/*"].map((owner) =>
    guardedSite(whole, { name: "ci", owner, scope: "power" }),
  );
  const word = { kind: "confirm", node: "n1", state: "on" } as const;
  const asked = others?.perform(ctx, word);
  await expect(asked).rejects.toMatchObject({ code: "SITE_UNKNOWN_REFERENCE" });
  expect(await own?.perform(ctx, word)).toEqual({ node: "n1", powerState: "on" });
  expect(await enrolled).toMatchObject({ powerState: "on", provisionState: "available" });
});

it("has an instance's server switched by whoever reads its row", async () => {
  const disk = Buffer.alloc(1 << 20);
  disk.writeUInt16LE(0xaa55, 510);
  await writeFile(join(folder, "disk.raw"), disk);
  const { ctx, shown } = row();
  await site.interfaces.ensure(ctx, ref("n1-eth0"), specs.card("n1", "52:54:00:00:00:01"));
  await site.flavors.ensure(ctx, ref("f"), specs.flavor);
  await site.images.ensure(ctx, ref("i"), { ...specs.image, source: join(folder, "disk.raw") });
  const instance = specs.instance({ node: "n1", adopt: true });
  expect(await site.instances.ensure(ctx, ref("web-1"), instance)).toMatchObject({ powerState: "on" });

  const off = { ...instance, power: "off", hardReboot: true };
  const switched = site.instances.ensure(ctx, ref("web-1"), off);
  await expect
    .poll(() => shown)
    .toContain("switch rack 1, unit 7 off (then npx pulumi-baremetal nodes confirm n1)");
  const refresh = row();
  expect(await site.nodes.observe(refresh.ctx, ref("n1"))).toMatchObject({ reachable: false });
  expect(refresh.shown).toEqual([]);
  expect((await confirm("n1")).out).toBe("n1 is off. Who waits for it goes on.\n");
  expect(await switched).toMatchObject({ powerState: "off" });
  expect(await site.nodes.observe(ctx, ref("n1"))).toMatchObject({ powerState: "off", reachable: true });

  await confirm("n1", "on"); // somebody switched it unasked, and says so
  const { out } = await commandLine({ site: () => site }).run("nodes", "list");
  expect(out).toMatch(/^n1 +\S+ +on +manual rack 1, unit 7 /m);
});

it("confirms nothing of a server that has a controller", async () => {
  const { ctx } = row();
  const command = ["sh", "-c", "echo off"];
  const power = { driver: "exec", address: "u8", on: command, off: command, state: command };
  await site.nodes.ensure(ctx, ref("n2"), { ...specs.node(""), power });
  const { code, err } = await confirm("n2", "off");
  expect([code, err]).toEqual(["POWER_NOT_BY_HAND", expect.stringContaining("its driver exec")]);
});
