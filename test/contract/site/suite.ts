import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newContext } from "../../../provider/kernel/context.ts";
import type { Known, Site, Spec } from "../../../provider/site/site.ts";
import { owner, ref, specs } from "../../fixtures/site-parts.ts";
import { behind, silentController } from "./silent-controller.ts";

/** A site over an empty store, however it is reached. */
export interface Opened {
  readonly site: Site;
  readonly close: () => Promise<void>;
}

/** What every Site keeps to, whatever lies between it and who asks. */
export function obeysSiteContract(open: () => Promise<Opened>, { elsewhere = false } = {}): void {
  const ctx = newContext();
  let opened: Opened | undefined;
  const site = () => (opened as Opened).site;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(() => opened?.close());

  describe("as every site", () => {
    it("says who it is", async () => {
      const about = await site().about(ctx);
      expect(about).toMatchObject({ siteId: expect.stringMatching(/^[\da-f-]{36}$/), jobs: [] });
      expect(await site().about(ctx)).toEqual(about);
    });

    it("plans, makes, lists, sees and removes, and takes each twice", async () => {
      const flavor = ref("f1");
      expect((await site().flavors.plan(ctx, flavor, specs.flavor)).computed).toHaveProperty("digest");
      const made = await site().flavors.ensure(ctx, flavor, specs.flavor);
      expect(await site().flavors.ensure(ctx, flavor, specs.flavor)).toEqual(made);
      expect(await site().flavors.list(ctx)).toMatchObject([{ name: "f1", owner }]);
      expect(await site().flavors.observe(ctx, flavor)).toMatchObject({ name: "f1" });
      await site().flavors.remove(ctx, flavor);
      await site().flavors.remove(ctx, flavor);
      expect(await site().flavors.observe(ctx, flavor)).toBeUndefined();
      expect(await site().flavors.list(ctx)).toEqual([]);
    });

    it("tells faults at their properties, and failures with code and remedy", async () => {
      const plan = await site().images.plan(ctx, ref("i1"), image("/no/such/file.qcow2"));
      expect(plan.failures).toMatchObject([
        { property: "source", reason: expect.stringContaining("IMAGE_MISSING") },
      ]);
      await site().flavors.ensure(ctx, ref("f2"), specs.flavor);
      const taken = site().flavors.ensure(ctx, ref("f2", "org/other/prod"), specs.flavor);
      await expect(taken).rejects.toMatchObject({
        record: { code: "SITE_NAME_TAKEN", remedy: expect.stringContaining("unique"), fault: "input" },
      });
      const unknown = site().perform(ctx, { kind: "reset", node: "n9" });
      await expect(unknown).rejects.toMatchObject({ code: "SITE_UNKNOWN_REFERENCE" });
      await site().flavors.remove(ctx, ref("f2"));
    });

    it(`looks a relative path up ${elsewhere ? "nowhere, as the program's folder is not here" : "in the program's folder"}`, async () => {
      const known: Known = { folder: "/no/such/folder" };
      const { failures } = await site().images.plan(ctx, ref("i2"), image("./debian.qcow2"), known);
      const [code, path] = elsewhere
        ? ["IMAGE_BAD_LOCATION", "source ./debian.qcow2"]
        : ["IMAGE_MISSING", "/no/such/folder/debian.qcow2"];
      expect(failures).toMatchObject([{ property: "source", reason: expect.stringContaining(code) }]);
      expect(failures[0]?.reason).toContain(path);
    });

    it("takes a file of the client's host piece by piece, and makes an image of it", async () => {
      const content = Buffer.alloc(300_000, 7);
      content.writeUInt16LE(0xaa55, 510);
      const bytes = content.subarray(0, 299_520); // whole sectors
      const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
      const upload = { owner, digest, size: bytes.length, plainFile: false, path: "/home/me/ü x.raw" };
      const add = (from: number, to: number) =>
        site().uploads.add(ctx, upload, from, bytes.subarray(from, to));
      expect(await site().uploads.look(ctx, upload)).toEqual({ have: 0, whole: false });
      expect(await add(0, 100_000)).toEqual({ have: 100_000, whole: false });
      expect(await add(200_000, bytes.length)).toEqual({ have: 100_000, whole: false });
      expect(await add(0, 100_000)).toEqual({ have: 100_000, whole: false });
      expect(await add(100_000, bytes.length)).toEqual({ have: bytes.length, whole: true });
      const spec = { source: "./ü x.raw", arch: "x86_64", kernelArgs: [] };
      const known: Known = { files: [{ location: spec.source, digest, path: upload.path }] };
      const { computed, failures } = await site().images.plan(ctx, ref("mine"), spec, known);
      expect({ computed, failures }).toEqual({ computed: { digest }, failures: [] });
      await site().images.ensure(ctx, ref("mine"), { ...spec, digest }, known);
      const seen = await site().images.observe(ctx, ref("mine"));
      expect(seen).toMatchObject({ source: spec.source, digest, drift: [] });
      expect(seen).not.toHaveProperty("checksum");
      await site().images.remove(ctx, ref("mine"));
    });

    it("answers three hundred at once", async () => {
      const names = Array.from({ length: 300 }, (_, n) => `many-${n}`);
      await Promise.all(names.map((name) => site().flavors.ensure(newContext(), ref(name), specs.flavor)));
      expect(await site().flavors.list(ctx)).toHaveLength(300);
      await Promise.all(names.map((name) => site().flavors.remove(newContext(), ref(name))));
      expect(await site().flavors.list(ctx)).toEqual([]);
    }, 60_000);

    it("carries requests and answers of several megabytes", async () => {
      const flavor = { ...specs.flavor, capabilities: { note: "ü".repeat(2e6) } };
      await site().flavors.ensure(ctx, ref("big"), flavor);
      expect(await site().flavors.observe(ctx, ref("big"))).toMatchObject(flavor);
      await site().flavors.remove(ctx, ref("big"));
    });

    it("lets who asks go at once, with their own reason", async () => {
      const controller = await silentController();
      const cancel = new AbortController();
      const asking = site().nodes.ensure(
        newContext({ signal: cancel.signal }),
        ref("n1"),
        behind(controller),
      );
      await controller.asked();
      cancel.abort(new Error("ctrl-c"));
      await expect(asking).rejects.toThrow("ctrl-c");
      controller.close();
      expect(await site().nodes.list(ctx)).toEqual([]);
    });
  });
}

const image = (source: string): Spec => ({ source, checksum: `sha256:${"0".repeat(64)}` });
