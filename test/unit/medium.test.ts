import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pieceOf } from "../../provider/services/boot-http/range.ts";
import { cardWords } from "../../provider/site/local/collections/instance/medium.ts";
import type { Card, Served } from "../../provider/site/local/network/network.ts";
import { type FakeSite, openFakeSite, ref, specs } from "../fixtures/site-parts.ts";
import * as world from "../fixtures/site-world.ts";

describe("the network of a ramdisk that comes from a CD", () => {
  const medium = { boot: { driver: "virtual-media" } } as const;
  const card = { mac: "52:54:00:00:00:07", name: "c" };
  const net = { cidr: "10.99.0.0/23" };
  interface Row extends Partial<Pick<Served, "router">> {
    readonly when: string;
    readonly node: Parameters<typeof cardWords>[0];
    readonly cards: readonly Card[];
    readonly words: readonly string[];
  }
  const own = "BOOTIF=01-52-54-00-00-00-07";
  it.for<Row>([
    {
      when: "its card has an address",
      node: medium,
      cards: [{ ...card, address: "10.99.0.7" }],
      words: [own, "deploy_static=1", "ip=10.99.0.7:::255.255.254.0"],
    },
    {
      when: "there is a router",
      ...{ node: medium, cards: [{ ...card, address: "10.99.0.7" }], router: "10.99.0.1" },
      words: [own, "deploy_static=1", "ip=10.99.0.7::10.99.0.1:255.255.254.0"],
    },
    {
      when: "the second card has one",
      ...{
        node: medium,
        cards: [
          { ...card, mac: "52:54:00:00:00:01" },
          { ...card, address: "10.99.0.7" },
        ],
      },
      words: [own, "deploy_static=1", "ip=10.99.0.7:::255.255.254.0"],
    },
    { when: "no card has one: then it asks DHCP", node: medium, cards: [card], words: [own] },
    { when: "there is no card", node: medium, cards: [], words: [] },
    { when: "it comes by the network, which tells", node: { boot: undefined }, cards: [card], words: [] },
  ])("is told by $words when $when", ({ node, cards, words, router }) => {
    expect(cardWords(node, cards, { ...net, router })).toEqual(words);
  });
});

describe("an instance whose server starts from virtual media", () => {
  let site: FakeSite;
  beforeEach(async () => {
    site = await openFakeSite();
    await site.nodes.ensure(
      site.ctx,
      ref("n1"),
      specs.node("10.0.0.1", { boot: { driver: "virtual-media" } }),
    );
    const { mac } = site.serverAt("10.0.0.1");
    const card = specs.card("n1", mac, { address: "10.99.0.7" });
    await site.interfaces.ensure(site.ctx, ref("n1-eth0"), card);
    await world.declare(site);
  });
  afterEach(() => site.close());
  const program = specs.instance({ node: "n1" });

  it("has its ramdisk told the network that is declared", async () => {
    site.answerRamdisks();
    const { mac } = site.serverAt("10.0.0.1");
    const ip: string[] = [];
    const { prepare } = site.boot.driver;
    Object.assign(site.boot.driver, {
      async prepare(...given: Parameters<typeof prepare>) {
        await prepare(...given);
        ip.push(site.boot.word(mac, "ip"));
      },
    });
    await site.instances.ensure(site.ctx, ref("web"), program);
    expect(ip).toEqual(["10.99.0.7:::255.255.255.0"]);
  });

  it("is refused at preview with an image that needs the network at each start", async () => {
    const spec = { ...specs.image, kernel: { source: "/k" }, ramdisk: { source: "/r" } };
    await site.store.put("images", { ref: ref("i"), spec, state: {} });
    const { failures } = await site.instances.plan(site.ctx, ref("web"), program);
    expect(failures).toMatchObject([
      { property: "image", reason: expect.stringContaining("BOOT_MEDIA_LOCAL_ONLY") },
    ]);
    expect(site.serverAt("10.0.0.1").state).toBe("off");
  });
});

describe("a piece of a file", () => {
  it.for([
    { range: undefined, piece: undefined },
    { range: "bytes=0-0", piece: { start: 0, end: 0 } },
    { range: "bytes=90-", piece: { start: 90, end: 99 } },
    { range: "bytes=-10", piece: { start: 90, end: 99 } },
    { range: "bytes=-1000", piece: { start: 0, end: 99 } },
    { range: "bytes=90-1000", piece: { start: 90, end: 99 } },
    { range: "bytes=100-", piece: "none" },
    { range: "bytes=-0", piece: "none" },
    { range: "bytes=5-1", piece: undefined },
    { range: "bytes=0-1,5-6", piece: undefined },
    { range: "lines=1-2", piece: undefined },
  ] as const)("of a hundred bytes, asked for by $range, is $piece", ({ range, piece }) => {
    expect(pieceOf(range, 100)).toEqual(piece);
  });
  it("never lies outside, whatever is asked for", () => {
    const number = fc.oneof(fc.constant(""), fc.nat().map(String), fc.bigInt({ min: 0n }).map(String));
    const range = fc.tuple(number, number).map(([first, last]) => `bytes=${first}-${last}`);
    fc.assert(
      fc.property(fc.oneof(range, fc.string()), fc.nat(), (asked, size) => {
        const piece = pieceOf(asked, size);
        if (piece === undefined || piece === "none") return;
        expect(piece.start).toBeGreaterThanOrEqual(0);
        expect(piece.start).toBeLessThanOrEqual(piece.end);
        expect(piece.end).toBeLessThan(size);
      }),
    );
  });
});
