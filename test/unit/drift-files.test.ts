import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { CollectionName } from "../../provider/resources/resource.ts";
import type { CacheEntry } from "../../provider/services/images/types.ts";
import type { State } from "../../provider/site/site.ts";
import { broken, type OneServer, openOneServer } from "../fixtures/one-server.ts";
import { preview, up } from "../fixtures/pulumi-run.ts";
import { ref, specs } from "../fixtures/site-parts.ts";

let world: OneServer;
beforeEach(async () => {
  world = await openOneServer();
});
afterEach(async () => {
  await world.site.close();
});
async function refresh(collection: CollectionName, name: string, state: State): Promise<State> {
  const seen = await world.site[collection].observe(world.site.ctx, ref(name), { state });
  return { ...state, ...seen };
}
const source = "/images/debian.raw";
const files = { kernel: { source: "/k1" }, ramdisk: { source: "/r1" } };

describe("a refresh of an image", () => {
  const image = async (more: object = {}) =>
    (await up(world.site, "images", "i", { ...specs.image, ...more })).state;
  /** What the cache holds, by location. */
  const cached = (...locations: readonly string[]) =>
    vi
      .spyOn(world.site.parts.images, "list")
      .mockResolvedValue(
        locations.map((at) => ({ digest: `sha256:${at}` }) as Partial<CacheEntry> as CacheEntry),
      );

  it("finds nothing where its files are as they were fetched", async () => {
    const state = await image(files);
    cached(source, "/k1", "/r1");
    const seen = await refresh("images", "i", state);
    expect(seen).toMatchObject({ drift: [], digest: state["digest"] });
    expect((await up(world.site, "images", "i", { ...specs.image, ...files }, seen)).how).toBe("unchanged");
  });

  it("shows other bytes at its source; the next update fetches them, and its instances meet the gate", async () => {
    const before = await image();
    cached(source);
    const spec = { imageDigest: before["digest"] };
    const instance = await world.install(spec);
    world.site.digests.set(source, "sha256:others");
    const seen = await refresh("images", "i", before);
    expect(seen).toMatchObject({ digest: "sha256:others", drift: [] });

    const plan = await preview(world.site, "images", "i", specs.image, seen);
    expect(plan).toMatchObject({ effect: "in-place", computed: { digest: "sha256:others" } });
    expect(plan.warnings.join()).toMatch(/web-1.* plans? a reinstall/);
    world.site.fetching.mockClear();
    const { how, state } = await up(world.site, "images", "i", specs.image, seen);
    expect([how, state["digest"], world.site.fetching.mock.calls.length]).toEqual([
      "updated",
      "sha256:others",
      1,
    ]);
    const next = { imageDigest: state["digest"] };
    expect((await world.see(instance, next)).failures).toMatchObject([{ property: "allowReinstall" }]);
    await expect(world.make(instance, next)).rejects.toThrow("INSTANCE_WOULD_ERASE");
    expect([world.server.log, world.server.running]).toEqual([[], "system"]);
  });

  it.for([
    { lost: "its disk", left: ["/k1", "/r1"], says: [source] },
    { lost: "its kernel", left: [source, "/r1"], says: ["/k1"] },
    { lost: "all of it", left: [], says: [source, "/k1", "/r1"] },
  ])("shows that the cache has lost $lost, and the next update fetches it", async ({ left, says }) => {
    const state = await image(files);
    const listing = cached(...left);
    const seen = await refresh("images", "i", state);
    expect(seen["drift"]).toEqual(says.map((at) => `${at} is not in the image cache any more`));
    world.site.fetching.mockClear();
    const went = await up(world.site, "images", "i", { ...specs.image, ...files }, seen);
    expect([went.how, world.site.fetching.mock.calls.length]).toEqual(["updated", 3]);
    listing.mockRestore();
    cached(source, "/k1", "/r1");
    expect(await refresh("images", "i", went.state)).toMatchObject({ drift: [] });
  });

  it("shows a source that cannot be looked at, with the reason, and the next preview refuses it", async () => {
    const state = await image();
    const looking = vi.spyOn(world.site.parts.images, "resolve").mockRejectedValue(broken("IMAGE"));
    const seen = await refresh("images", "i", state);
    expect(seen).toMatchObject({ drift: ["its source cannot be looked at"], digest: state["digest"] });
    expect(world.site.words.join("\n")).toContain("the image is broken");
    expect((await preview(world.site, "images", "i", specs.image, seen)).failures).toMatchObject([
      { property: "source", reason: expect.stringContaining("IMAGE_BROKEN") },
    ]);
    looking.mockRestore();
    expect((await up(world.site, "images", "i", specs.image, seen)).state).toMatchObject({ drift: [] });
  });
});

describe("a refresh of an interface", () => {
  const card = specs.card("n1", "52:54:00:00:00:01");
  const second = specs.card("n1", "52:54:00:00:00:55");
  it("shows that the last ramdisk on its node did not see it", async () => {
    const first = (await up(world.site, "interfaces", "n1-eth0", card)).state;
    const other = (await up(world.site, "interfaces", "n1-eth1", second)).state;
    // Nobody has looked yet.
    expect(await refresh("interfaces", "n1-eth1", other)).toMatchObject({ drift: [] });
    await world.install();
    expect(await refresh("interfaces", "n1-eth0", first)).toMatchObject({ drift: [] });
    const seen = await refresh("interfaces", "n1-eth1", other);
    expect(seen["drift"]).toEqual(["the last ramdisk on n1 saw other cards: 52:54:00:00:00:01"]);
    // An update keeps it in mind no longer; the next refresh does.
    const { how, state } = await up(world.site, "interfaces", "n1-eth1", second, seen);
    expect([how, state["drift"]]).toEqual(["updated", []]);
    expect((await refresh("interfaces", "n1-eth1", state))["drift"]).toHaveLength(1);
    expect(world.server.log.filter((verb) => verb !== "state")).toEqual([]);
  });
});

describe("a refresh of a flavor", () => {
  it("finds nothing: it is a declaration only", async () => {
    const { state } = await up(world.site, "flavors", "f", specs.flavor);
    const seen = await refresh("flavors", "f", state);
    expect(seen).toEqual(state);
    expect((await up(world.site, "flavors", "f", specs.flavor, seen)).how).toBe("unchanged");
  });
});

describe("a refresh of what this site has no record of", () => {
  it.for(["nodes", "interfaces", "flavors", "images", "instances"] as const)(
    "keeps the state of %s",
    async (collection) => {
      const state = { name: "elsewhere", siteId: "another", drift: [] };
      expect(await refresh(collection, "elsewhere", state)).toEqual(state);
      expect(world.site.words.join("\n")).toContain("no record of it, which is no proof that it is gone");
    },
  );
});
