import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { Power, warningsOf } from "../../provider/drivers/power/index.ts";
import { parsePath, stateIn } from "../../provider/drivers/power/webhook/answer.ts";
import { challengeIn, meet } from "../../provider/drivers/power/webhook/digest.ts";
import { fillBody, fillUrl } from "../../provider/drivers/power/webhook/template.ts";
import { checkInputs } from "../../provider/pulumi/check.ts";
import { Node } from "../../provider/resources/node.ts";
import { refuseHosts } from "../../provider/site/local/hosts.ts";
import { SiteSettings } from "../../provider/site/settings.ts";
import { openFakeSite, ref, specs } from "../fixtures/site-parts.ts";

const text = fc.string({ unit: "grapheme", minLength: 1 });

describe("the words of a template", () => {
  it("stay one each, whatever is in them", () => {
    fc.assert(
      fc.property(text, text, (address, password) => {
        const target = fillUrl("https://ha.example:8123/x/{address}?p={password}&q=1", { address, password });
        const url = new URL(target?.path ?? "", "https://ha.example:8123");
        // A path of dots alone is walked, by every reader of URLs.
        if (!/^\.{1,2}$/.test(address)) expect(decodeURIComponent(url.pathname)).toBe(`/x/${address}`);
        expect([url.searchParams.get("p"), url.searchParams.get("q")]).toEqual([password, "1"]);
        expect(target).toMatchObject({ host: "ha.example", port: 8123, secure: true });
        const json = fillBody('{"a": "{address}", "b": ["{password}"]}', "json", { address, password });
        expect(JSON.parse(json)).toEqual({ a: address, b: [password] });
        const form = new URLSearchParams(fillBody("a={address}&b={password}", "form", { address, password }));
        expect([...form.values()]).toEqual([address, password]);
      }),
    );
  });

  it.for([
    { template: "http://{address}/on", address: "10.0.0.7", goes: { host: "10.0.0.7", port: 80 } },
    { template: "http://{address}/on", address: "[fd00::7]:8080", goes: { host: "fd00::7", port: 8080 } },
    { template: "https://{address}", address: "plug-7.example", goes: { port: 443, path: "/" } },
    { template: "http://{address}/on", address: "10.0.0.7/other?", goes: undefined },
    { template: "http://{address}/on", address: "me:pw@10.0.0.7", goes: undefined },
    { template: "http://me:pw@10.0.0.7/", address: "u7", goes: undefined },
    { template: "ftp://10.0.0.7/{address}", address: "u7", goes: undefined },
    { template: "http://10.0.0.7/a b", address: "u7", goes: undefined },
    { template: "http://10.0.0.7/#{address}", address: "u7", goes: undefined },
    { template: "10.0.0.7/{address}", address: "u7", goes: undefined },
  ])("lead $template with $address to $goes", ({ template, address, goes }) => {
    const target = fillUrl(template, { address });
    if (goes) expect(target).toMatchObject(goes);
    else expect(target).toBeUndefined();
  });
});

describe("what an answer tells", () => {
  const shelly = '{"ison": true, "has_timer": false}';
  it.for([
    { answer: shelly, reading: { path: "ison" }, state: "on" },
    { answer: '{"POWER":"OFF"}', reading: { path: "POWER" }, state: "off" },
    { answer: '{"switch:0": {"output": false}}', reading: { path: "$.switch:0.output" }, state: "off" },
    { answer: '{"results": [{"a.b": 1}]}', reading: { path: 'results[0]["a.b"]' }, state: "on" },
    { answer: '{"state": "unavailable"}', reading: { path: "state" }, state: undefined },
    { answer: '{"state": "turned on"}', reading: { path: "state" }, state: undefined },
    { answer: '{"state": null}', reading: { path: "state" }, state: undefined },
    { answer: "{}", reading: { path: "constructor.name", on: "Object", off: "x" }, state: undefined },
    { answer: "on", reading: { path: "state" }, state: undefined },
    { answer: "Relay 1: ON", reading: { on: "relay 1: on", off: "relay 1: off" }, state: "on" },
    { answer: "on, not off", reading: { on: "on", off: "off" }, state: undefined },
    { answer: "", reading: { on: "on", off: "off" }, state: undefined },
    // One that would be at it for as long as the universe has been.
    { answer: `${"a".repeat(60)}!`, reading: { on: "^(a+)+$", off: "off" }, state: undefined },
  ] as const)("is $state: $answer by $reading", ({ answer, reading, state }) => {
    expect(stateIn(answer, reading)).toBe(state);
  });

  it("stands at a path of any names", () => {
    const names = fc.array(
      fc.oneof(
        fc.nat(9).map(String),
        text.filter((name) => !name.includes('"')),
      ),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(names, fc.boolean(), (path, root) => {
        const written = path.map((name) => (/^\d+$/.test(name) ? `[${name}]` : `["${name}"]`)).join("");
        expect(parsePath(`${root ? "$" : ""}${written}`)).toEqual(path);
      }),
    );
    for (const path of ["", "$", "a..b", "a[b]", "a[", "a b"]) expect(parsePath(path), path).toBeUndefined();
  });
});

describe("a digest", () => {
  // RFC 7616, 3.9.1.
  const nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
  const opaque = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS";
  const challenge = (algorithm: string) =>
    `Digest realm="http-auth@example.org", qop="auth, auth-int", ${algorithm}nonce="${nonce}", opaque="${opaque}"`;
  const who = { method: "GET", path: "/dir/index.html", user: "Mufasa", password: "Circle of Life" };
  const cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
  const [sha, md5] = [
    "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    "8ca523f5e9506fed4657c9700eebdbec",
  ];
  it.for([
    { header: challenge("algorithm=SHA-256, "), response: sha, says: ", algorithm=SHA-256, " },
    { header: challenge("algorithm=MD5, "), response: md5, says: ", algorithm=MD5, " },
    { header: challenge(""), response: md5, says: `opaque="${opaque}", qop=auth, nc=00000001, ` },
    {
      header: `${challenge('algorithm="MD5", ')}, ${challenge("algorithm=SHA-256, ")}`,
      response: sha,
      says: "",
    },
    {
      header: `Basic realm="x", ${challenge("algorithm=sha-256, ")}`,
      response: sha,
      says: "algorithm=sha-256",
    },
  ])("meets $header", ({ header, response, says }) => {
    const found = challengeIn(header);
    expect(found).toBeDefined();
    const authorization = found && meet(found, who, cnonce);
    expect(authorization).toContain(`response="${response}"`);
    expect(authorization).toContain(says);
    expect(authorization).not.toContain(who.password);
  });
  it.for([
    "",
    'Basic realm="x"',
    'Digest realm="x", nonce="n", algorithm=SHA-512-256',
    'Digest realm="x", nonce="n", qop="auth-int"',
    "Digest nonce",
  ])("meets no %s", (header) => {
    expect(challengeIn(header)).toBeUndefined();
  });
});

const at = (url: string, more: object = {}) => ({ url, ...more });
const settings = (more: object = {}) => ({
  ...{
    driver: "webhook",
    address: "10.0.0.7",
    on: at("http://{address}/on"),
    off: at("http://{address}/off"),
  },
  ...{ state: at("http://{address}/", { path: "ison" }), ...more },
});

describe("the settings of a webhook", () => {
  const faults = (power: object) =>
    checkInputs(Node, { name: "n1", cpus: 1, memory: "1 GiB", disk: "1 GB", power }).failures;

  it("are right as they are", () => {
    expect(faults(settings())).toEqual([]);
    const json = { body: '{"id": "{address}", "on": true}', url: "http://h/{user}?p={password}" };
    expect(faults(settings({ on: json, user: "a", password: "PLANTED" }))).toEqual([]);
    const setBoot = { url: "http://h/{device}/{mode}", body: '{"keep": {persistent}}' };
    expect(faults(settings({ setBoot }))).toEqual([]);
    const xml = { url: "http://h/", body: "<a b={address}/>" };
    expect(faults(settings({ on: xml, headers: { "Content-Type": "text/xml" } }))).toEqual([]);
  });

  it.for([
    { more: { on: at("http://{adress}/") }, place: "power.on.url", says: "{adress} stands for nothing here" },
    { more: { on: at("http://h/{password}") }, place: "power.on.url", says: "known are {address}" },
    {
      more: { setBoot: at("http://{mode}.evil.example/") },
      place: "power.setBoot.url",
      says: "Expected a URL",
    },
    { more: { on: at("http://{user}/"), user: "h" }, place: "power.on.url", says: "Expected a URL" },
    { more: { on: at("http://h/{device}") }, place: "power.on.url", says: "{device}" },
    { more: { off: at("h/off") }, place: "power.off.url", says: "Expected a URL" },
    { more: { on: at("http://h/", { body: '{"a": {address}}' }) }, place: "power.on.body", says: "JSON" },
    { more: { on: at("http://h/", { body: "a=1", method: "GET" }) }, place: "power.on.body", says: "`GET`" },
    { more: { state: at("http://h/") }, place: "power.state.off", says: "says that the server is off" },
    { more: { state: at("http://h/", { path: "a[" }) }, place: "power.state.path", says: "place in JSON" },
    { more: { state: at("http://h/", { path: "a", on: "(" }) }, place: "power.state.on", says: "regular" },
    { more: { auth: "basic" }, place: "power.user", says: "Required" },
    { more: { auth: "basic", user: "a:b", password: "x" }, place: "power.user", says: "colon" },
    { more: { auth: "digest", user: "ä", password: "x" }, place: "power.user", says: "ASCII" },
    { more: { headers: { "X-A": "a\r\nX-B: b" } }, place: 'power.headers["X-A"]', says: "one line" },
    {
      more: { headers: { "Content-Length": "1" } },
      place: 'power.headers["Content-Length"]',
      says: "cannot",
    },
    { more: { headers: { "a b": "1" } }, place: 'power.headers["a b"]', says: "name of a header" },
    { more: { insecure: true, fingerprint: "AB".repeat(32) }, place: "power.insecure", says: "leave it out" },
  ])("are refused at $place: $says", ({ more, place, says }) => {
    const found = faults(settings(more));
    expect(found.map(({ property }) => property)).toContain(place);
    expect(found.map(({ reason }) => reason).join()).toContain(says);
  });

  it("are warned of where everything goes in clear", () => {
    const state = at("https://h/", { path: "a" });
    expect(warningsOf(Power.parse(settings({ state })))).toEqual([
      "what goes to 10.0.0.7:80 by http: can be read on the way, a login too",
    ]);
  });
});

describe("the examples of docs/power.md", async () => {
  const page = await readFile(join(import.meta.dirname, "../../docs/power.md"), "utf8");
  const [, block = ""] = /```ts\n(const shelly: [\s\S]*?)```/.exec(page) ?? [];
  const program = `${block.replaceAll(": baremetal.WebhookArgs", "")}
    return { shelly, shellyPlus, tasmota, homeAssistant };`;
  const interpolate = ([head]: readonly string[], word: string) => `${head}${word}`;
  const examples = new Function("pulumi", "plugPassword", "token", program)(
    { interpolate },
    "a b",
    "pbt",
  ) as Record<string, { state: { url: string; path: string } }>;

  // What the devices' own documents say that they answer.
  it.for([
    { of: "shelly", asks: "10.0.20.7/relay/0", answer: '{"ison":true,"has_timer":false}', is: "on" },
    {
      of: "shellyPlus",
      asks: "10.0.20.9/rpc/Switch.GetStatus?id=0",
      answer: '{"id":0,"output":false}',
      is: "off",
    },
    {
      of: "tasmota",
      asks: "10.0.20.8/cm?user=admin&password=a%20b&cmnd=Power",
      answer: '{"POWER":"ON"}',
      is: "on",
    },
    {
      ...{ of: "homeAssistant", asks: "ha.example/api/states/switch.rack1_u7" },
      ...{ answer: '{"entity_id": "switch.rack1_u7", "state": "off", "attributes": {}}', is: "off" },
    },
  ])("are right, and read what $of answers", ({ of, asks, answer, is }) => {
    const power = Power.parse(examples[of]);
    const { address, user, password, state } = power as Extract<Power, { driver: "webhook" }>;
    const target = fillUrl(state.url, { address, ...(user && password ? { user, password } : {}) });
    expect(`${target?.host}${target?.path}`).toBe(asks);
    expect(stateIn(answer, state)).toBe(is);
  });
});

describe("a site that sends requests of Nodes to those alone that it names", () => {
  const place = (host: string) => Power.parse(settings({ on: at(`http://${host}/on`) }));
  const own = "10.0.0.7";
  it.for([
    { webhooks: "any", host: "169.254.169.254", refused: false },
    { webhooks: "none", host: own, refused: true },
    { webhooks: [own, "Ha.Example"], host: "ha.example:8123", refused: false },
    { webhooks: [own, "ha.example:8123"], host: "ha.example:8124", refused: true },
    { webhooks: [own], host: "ha.example", refused: true },
    { webhooks: [own], host: "10.0.0.7.evil.example", refused: true },
    { webhooks: ["10.0.0.0/29"], host: own, refused: false },
    { webhooks: ["10.0.0.0/29"], host: "10.0.0.8", refused: true },
    { webhooks: ["10.0.0.0/8"], host: "10.0.0.7.evil.example", refused: true },
    { webhooks: [own, "127.0.0.0/8"], host: "0x7f.1:2375", refused: false },
    { webhooks: [own, "10.0.0.0/8"], host: "0x7f.1:2375", refused: true },
    { webhooks: [own, "fd00::/64"], host: "[fd00::7]", refused: false },
    { webhooks: [own, "fd00::/64"], host: "[fd00:0:0:1::7]:80", refused: true },
  ])("$webhooks refuses $host: $refused", ({ webhooks, host, refused }) => {
    const parsed = SiteSettings.parse({ stateDir: "/s", cacheDir: "/c", webhooks });
    const ask = () => refuseHosts(parsed, place(host));
    if (refused) expect(ask).toThrow(/POWER_HOST_REFUSED/);
    else expect(ask).not.toThrow();
  });

  it.for(["setBoot", "softOff", "state", "off"])("looks at where %s goes, too", (which) => {
    const more = which === "state" ? { path: "a" } : {};
    const power = Power.parse(settings({ [which]: at("http://evil.example/", more) }));
    const parsed = SiteSettings.parse({ stateDir: "/s", cacheDir: "/c", webhooks: [own] });
    expect(() => refuseHosts(parsed, power)).toThrow(/evil\.example:80.*POWER_HOST_REFUSED/s);
  });

  it("says so at the preview, at the driver", async () => {
    const site = await openFakeSite({ webhooks: ["ha.example"] });
    onTestFinished(() => site.close());
    const plan = (power: object) =>
      site.nodes.plan(site.ctx, ref("n1"), { ...specs.node("10.0.0.7"), power: Power.parse(power) });
    expect((await plan(settings())).failures).toEqual([
      { property: "power", reason: expect.stringContaining("POWER_HOST_REFUSED") },
    ]);
    const own = (word: string) => at(`https://ha.example:8123/{address}/${word}`);
    const right = { on: own("on"), off: own("off"), state: { ...own(""), path: "state" } };
    expect((await plan(settings(right))).failures).toEqual([]);
  });

  it.for([[[]], [["http://ha.example"]], [["10.0.0.0/33"]], ["some"]])("takes no %j", ([webhooks]) => {
    expect(SiteSettings.safeParse({ stateDir: "/s", cacheDir: "/c", webhooks }).success).toBe(false);
  });
});
