import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { anyOwner, type Bearer, hasExpired, owns } from "../../provider/site/access.ts";
import { guardedSite } from "../../provider/site/guarded.ts";
import type { Operation } from "../../provider/site/site.ts";
import { OperationRequest } from "../../provider/site/wire.ts";
import { asSite, commandLine } from "../fixtures/command-line.ts";
import { type FakeSite, openFakeSite, owner, ref, specs } from "../fixtures/site-parts.ts";

const other = "org/blog/prod";
const password = "PLANTED-password";
let site: FakeSite;
beforeEach(async () => {
  site = await openFakeSite();
  for (const [index, of] of [owner, other].entries()) {
    const spec = specs.node(`10.0.0.${index + 1}`);
    await site.nodes.ensure(site.ctx, ref(`n${index + 1}`, of), {
      ...spec,
      power: { ...spec.power, password },
    });
  }
});
afterEach(() => site.close());
const as = (bearer: Partial<Bearer> = {}) =>
  guardedSite(asSite(site), { name: "ci", owner: "shop/*", scope: "deploy", ...bearer });
const codeOf = async (asking: Promise<unknown>): Promise<string> =>
  asking.then(
    () => "",
    (error) => error.code ?? String(error),
  );

describe("an owner pattern", () => {
  it.for([
    ["shop/prod", "org/shop/prod", true],
    ["shop/prod", "other/shop/prod", true],
    ["shop/prod", "org/shop/prod2", false],
    ["shop/prod", "org/myshop/prod", false],
    ["shop/*", "org/shop/live", true],
    ["shop/*", "org/shops/live", false],
    ["*/prod", "org/blog/prod", true],
    ["*/*", "org/blog/prod", true],
    ["org/shop/*", "org/shop/prod", true],
    ["org/shop/*", "evil/shop/prod", false],
    ["shop/pr-*", "org/shop/pr-7", true],
    ["shop/a*a", "org/shop/a", false],
    ["shop/*a*b*", "org/shop/xaybz", true],
    ["shop/*b*a*", "org/shop/xaybz", false],
    ["shop/.*", "org/shop/prod", false],
    ["*/*", "", false],
    ["*/*", "shop/prod", false],
    ["shop/prod", "a/b/shop/prod", false],
  ] as const)("%s owns %s: %s", ([pattern, of, is]) => {
    expect(owns(pattern, of)).toBe(is);
  });
});

describe("the bearer of a token for one owner", () => {
  it("sees what is its own, and its own secrets only", async () => {
    expect((await as().nodes.list(site.ctx)).map(({ name }) => name)).toEqual(["n1"]);
    expect(JSON.stringify(await as().nodes.observe(site.ctx, ref("n1")))).toContain(password);
    expect(await codeOf(as().nodes.observe(site.ctx, ref("n2", other)))).toBe("TOKEN_OWNER");
  });

  it("neither sees nor changes another's by saying that it is its own", async () => {
    const spec = specs.node("10.0.0.9");
    expect(await codeOf(as().nodes.observe(site.ctx, ref("n2")))).toBe("SITE_NAME_TAKEN");
    expect(await codeOf(as().nodes.ensure(site.ctx, ref("n2"), spec))).toBe("SITE_NAME_TAKEN");
    expect(await codeOf(as().nodes.remove(site.ctx, ref("n2")))).toBe("SITE_NAME_TAKEN");
    const said = await as().nodes.plan(site.ctx, ref("n2"), spec);
    expect(said.effect).toBe("refused");
    expect(JSON.stringify(said)).not.toContain(password);
  });

  it("changes nothing of another's, by whatever verb or operation, and what is its own", async () => {
    const spec = specs.node("10.0.0.2");
    const asked = ref("n2", other);
    for (const asking of [
      as().nodes.plan(site.ctx, asked, spec),
      as().nodes.ensure(site.ctx, asked, spec),
      as().nodes.remove(site.ctx, asked),
      ...operations("n2").map((operation) => as().perform(site.ctx, operation)),
      as().perform(site.ctx, { kind: "move owner", from: other, to: owner }),
      as().perform(site.ctx, { kind: "move owner", from: owner, to: other }),
      as().watch(site.ctx, "nodes", "n2")[Symbol.asyncIterator]().next(),
    ]) {
      expect(await codeOf(asking)).toBe("TOKEN_OWNER");
    }
    expect(await as().perform(site.ctx, { kind: "maintenance", node: "n1", reason: "fan" })).toMatchObject({
      node: "n1",
    });
    await as().nodes.remove(site.ctx, ref("n1"));
    expect((await site.nodes.list(site.ctx)).map(({ name }) => name)).toEqual(["n2"]);
  });

  it("keeps its hands off its own node while another's instance is on it", async () => {
    await site.store.put("instances", {
      ref: ref("theirs", other),
      spec: {},
      state: { name: "theirs", assignedNode: "n1" },
    });
    for (const operation of operations("n1")) {
      expect(await codeOf(as().perform(site.ctx, operation))).toBe("TOKEN_OWNER");
    }
    const abort = as().perform(site.ctx, { kind: "abort", instance: "theirs" });
    expect(await codeOf(abort)).toBe("TOKEN_OWNER");
    for (const [of, instance] of [
      [owner, "theirs"],
      [other, "unknown"],
    ] as const) {
      const detach = as().perform(site.ctx, { kind: "detach", owner: of, instance });
      expect(await codeOf(detach), of).toBe("TOKEN_OWNER");
    }
  });

  it("is not told of others' jobs", async () => {
    const jobs = ["nodes/n1", "nodes/n2"];
    const busy = {
      ...asSite(site),
      about: async () => ({ siteId: "s", version: "1", pid: 1, settings: "x", jobs }),
    };
    const about = (of: string) => guardedSite(busy, { name: "ci", owner: of, scope: "read" }).about(site.ctx);
    expect((await about("shop/*")).jobs).toEqual(["nodes/n1"]);
    expect((await about(anyOwner)).jobs).toEqual(jobs);
  });
});

const operations = (node: string): readonly Operation[] => [
  { kind: "reset", node },
  { kind: "maintenance", node, reason: "x" },
  { kind: "confirm", node, state: "on" },
  { kind: "rehearse", node },
  { kind: "rescue", node, key: "ssh-ed25519 AAAA" },
  { kind: "unrescue", node },
];

describe("the scope of a token", () => {
  /** Every operation that there is, with words that fit. */
  const all: readonly Operation[] = [
    ...operations("n1"),
    { kind: "discovered" },
    { kind: "discovered", listen: "1 minute" },
    { kind: "forget discovered", mac: "52:54:00:00:00:01" },
    { kind: "abort", instance: "i1" },
    { kind: "detach", owner, instance: "i1" },
    { kind: "move owner", from: owner, to: "org/shop/live" },
    { kind: "prune images" },
    { kind: "cached images" },
    { kind: "backup", folder: "/nowhere" },
    { kind: "drain" },
    { kind: "tokens" },
    { kind: "add token", name: "x", owner: anyOwner, scope: "admin" },
    { kind: "remove token", name: "x" },
  ];
  /** What reaches the site, whatever becomes of it there. */
  async function reached(scope: Bearer["scope"]): Promise<readonly string[]> {
    const kinds: string[] = [];
    const seen = {
      ...asSite(site),
      async perform(_: unknown, operation: Operation) {
        kinds.push("listen" in operation ? `${operation.kind}, listening` : operation.kind);
        return {};
      },
    };
    const guarded = guardedSite(seen, { name: "ci", owner: anyOwner, scope });
    for (const operation of all) {
      const code = await codeOf(guarded.perform(site.ctx, operation));
      expect(["", "TOKEN_SCOPE"]).toContain(code);
    }
    return kinds;
  }

  it("says which operations it may ask for, of all that there are", async () => {
    const known = OperationRequest.options.map(({ shape }) => shape.kind.value);
    expect(new Set(all.map(({ kind }) => kind))).toEqual(new Set(known));
    expect(await reached("read")).toEqual(["discovered"]);
    expect(await reached("power")).toEqual(["reset", "maintenance", "confirm", "rehearse", "discovered"]);
    expect(await reached("deploy")).toEqual([
      ...["reset", "maintenance", "confirm", "rehearse", "rescue", "unrescue", "discovered"],
      ...["discovered, listening", "forget discovered", "abort", "detach", "move owner"],
    ]);
    expect(await reached("admin")).toHaveLength(all.length);
  });

  it("read lets a preview and a refresh through, without secrets that it has not shown itself", async () => {
    const reader = as({ scope: "read" });
    const spec = specs.node("10.0.0.1");
    expect((await reader.nodes.plan(site.ctx, ref("n1"), spec)).failures).toEqual([]);
    const blind = await reader.nodes.observe(site.ctx, ref("n1"));
    expect(blind).toMatchObject({ power: { password: "[secret]" } });
    const known = { state: { power: { password: "mine" } } };
    expect(await reader.nodes.observe(site.ctx, ref("n1"), known)).toMatchObject({
      power: { password: "mine" },
    });
    const command = ["pdu"];
    const environment = { PASSWORD: password };
    const exec = { driver: "exec", address: "u7", on: command, off: command, state: command, environment };
    await site.nodes.ensure(site.ctx, ref("n3"), { ...specs.node("10.0.0.3"), power: exec });
    const told = (state: object) => reader.nodes.observe(site.ctx, ref("n3"), { state: { power: state } });
    expect(await told({})).toMatchObject({ power: { environment: { PASSWORD: "[secret]" } } });
    expect(await told({ environment: { PASSWORD: "mine" } })).toMatchObject({
      power: { environment: { PASSWORD: "mine" } },
    });
    for (const asking of [
      reader.nodes.ensure(site.ctx, ref("n1"), spec),
      reader.nodes.remove(site.ctx, ref("n1")),
      reader.instances.ensure(site.ctx, ref("i1"), {}),
    ]) {
      expect(await codeOf(asking)).toBe("TOKEN_SCOPE");
    }
  });

  it.for([
    { effect: "none", reaches: true },
    { effect: "power", reaches: true },
    { effect: "in-place", reaches: false },
    { effect: "install", reaches: false },
    { effect: "reinstall", reaches: false },
    { effect: "replace", reaches: false },
    { effect: "adopt", reaches: false },
    { effect: "refused", reaches: false },
  ] as const)(
    "power lets an instance's update whose plan is $effect through: $reaches",
    async ({ effect, reaches }) => {
      const whole = asSite(site);
      const asked: unknown[] = [];
      const instances = {
        ...whole.instances,
        plan: async (...[, , , known]: Parameters<typeof whole.instances.plan>) => {
          asked.push(known);
          return {
            ...{ effect, changed: [], replaces: [], actions: [], failures: [], computed: {} },
            ...{ warnings: [], says: [] },
          };
        },
        ensure: async () => ({ done: true }),
      };
      const guarded = guardedSite({ ...whole, instances }, { name: "ci", owner: "shop/*", scope: "power" });
      const code = await codeOf(guarded.instances.ensure(site.ctx, ref("i1"), {}, { run: "r" }));
      expect(code).toBe(reaches ? "" : "TOKEN_SCOPE");
      expect(asked).toEqual([{ run: "r", dryRun: true }]);
      expect(await codeOf(guarded.nodes.ensure(site.ctx, ref("n1"), specs.node("10.0.0.1")))).toBe(
        "TOKEN_SCOPE",
      );
    },
  );
});

describe("tokens", () => {
  const run = (...words: readonly string[]) =>
    commandLine({ site: () => asSite(site) }).run("tokens", ...words);

  it("are shown once, listed without themselves, and worthless when removed", async () => {
    const { out, err } = await run("add", "ci", "--owner", "shop/*", "--scope", "deploy");
    const token = out.trim();
    expect(token).toMatch(/^pbm_[\w-]{43}$/);
    expect(err).toContain("not shown again");
    const bearer = { name: "ci", owner: "shop/*", scope: "deploy" };
    expect(await site.store.bearerOf(token)).toEqual(bearer);
    expect(await site.store.bearerOf(`${token}x`)).toBeUndefined();
    expect(await site.store.bearerOf("")).toBeUndefined();
    expect((await run("list")).out).toMatch(/^ci +deploy +shop\/\* +20\d\d-/m);
    expect((await run("list", "--json")).out).not.toContain(token);
    expect(await run("add", "ci", "--owner", "x/y", "--scope", "read")).toMatchObject({
      ...{ code: "TOKEN_NAME_TAKEN", out: "" },
    });
    expect((await run("remove", "ci")).out).toContain("worthless");
    expect(await site.store.bearerOf(token)).toBeUndefined();
    expect(await run("remove", "ci")).toMatchObject({ code: "TOKEN_UNKNOWN_NAME" });
  });

  it("are good for as long as is said, and the list tells until when", async () => {
    const { out, err } = await run("add", "ci", "--owner", "shop/*", "--scope", "read", "--expires", "90d");
    expect(err).toMatch(/\(read, shop\/\*, until 20\d\d-\d\d-\d\d \d\d:\d\d UTC\)/);
    const { expires = "" } = (await site.store.bearerOf(out.trim())) ?? {};
    expect((Date.parse(expires) - Date.now()) / 86_400_000).toBeCloseTo(90, 1);
    await site.store.addToken({
      name: "old",
      owner: "a/b",
      scope: "read",
      expires: "2020-01-02T03:04:05.000Z",
    });
    await run("add", "for-ever", "--owner", "a/b", "--scope", "read");
    const { out: list } = await run("list");
    expect(list).toMatch(/^ci .* 20\d\d-\d\d-\d\d \d\d:\d\d UTC$/m);
    expect(list).toMatch(/^old .* expired 2020-01-02$/m);
    expect(list).toMatch(/^for-ever .* never$/m);
    expect(hasExpired({ expires }, Date.parse(expires))).toBe(true);
    expect(hasExpired({ expires }, Date.parse(expires) - 1)).toBe(false);
    expect(hasExpired({}, Number.MAX_VALUE)).toBe(false);
  });

  it("of an admin are for everybody's things, or none", async () => {
    const refused = await run("add", "a", "--owner", "shop/*", "--scope", "admin");
    expect(refused).toMatchObject({ code: "TOKEN_ADMIN_OWNER", out: "" });
    expect((await run("add", "a", "--owner", "*/*", "--scope", "admin")).out).toContain("pbm_");
  });

  it.for([
    { when: "without an owner", words: ["ci", "--scope", "read"] },
    { when: "without a scope", words: ["ci", "--owner", "a/b"] },
    { when: "of an unknown scope", words: ["ci", "--owner", "a/b", "--scope", "root"] },
    { when: "for a pattern of one part", words: ["ci", "--owner", "shop", "--scope", "read"] },
    { when: "for a pattern of four", words: ["ci", "--owner", "a/b/c/d", "--scope", "read"] },
    ...["0d", "-1d", "soon", "1 month", "1.5d"].map((time) => ({
      when: `for ${time}`,
      words: ["ci", "--owner", "a/b", "--scope", "read", "--expires", time],
    })),
    { when: "with a name of two lines", words: ["c\ni", "--owner", "a/b", "--scope", "read"] },
  ])("are not made $when", async ({ words }) => {
    expect((await run("add", ...words)).code).toMatch(/^commander\./);
    expect((await run("list")).out).toBe("There are no tokens.\n");
  });
});
