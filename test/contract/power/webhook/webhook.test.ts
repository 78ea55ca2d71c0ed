import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { openPower, Power } from "../../../../provider/drivers/power/index.ts";
import { newContext } from "../../../../provider/kernel/context.ts";
import { lent } from "../lent.ts";
import type { PowerPeer } from "../peer.ts";
import { obeysPowerContract } from "../suite.ts";
import { identity } from "./identity.ts";
import { account, login, type Machine, startMachine, token } from "./machine.ts";
import { byBody, byPath, type Settings } from "./written.ts";

const ctx = newContext();
const wrong = "7Yzn-guess";
const tls = identity();
const pinned: typeof byBody = (url, more = {}) => byBody(url, { fingerprint: tls().fingerprint, ...more });

async function peerOf(machine: Machine, write: typeof byPath, bad: Settings): Promise<PowerPeer> {
  const known = new Map<string, string>();
  const hows = {
    right: write(machine.url),
    "wrong password": write(machine.url, bad),
    absent: write(machine.url.replace(/\d+$/, "9")),
  };
  return {
    handle: (how) => openPower(Power.parse(hows[how]), lent(known)),
    fault: async (fault) => machine.fault(fault),
    machine: async () => machine.state(),
    turn: async (to) => machine.turn(to),
    orders: async () => machine.given,
    logins: machine.logins,
    secrets: [account.password, wrong, login, token, token.split(" ")[1] ?? ""],
    mark: `${machine.port}`,
    async stop() {
      machine.fault("none");
      await machine.stop();
    },
  };
}

// The driver tells no identity: whose a switch is, the switch does not know.
const lacks = { identity: true };
obeysPowerContract(
  "webhook by paths",
  async () => peerOf(await startMachine(), byPath, { password: wrong }),
  lacks,
);
obeysPowerContract(
  "webhook by bodies, over HTTPS",
  async () =>
    peerOf(await startMachine({ tls: tls() }), pinned, { headers: { Authorization: `Bearer ${wrong}` } }),
  lacks,
);

describe("webhook", () => {
  let machine: Machine;
  const stops: (() => unknown)[] = [];
  const start = async (...kind: Parameters<typeof startMachine>) => {
    machine = await startMachine(...kind);
    stops.push(machine.stop);
    return machine;
  };
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });
  const open = (settings: Settings) => openPower(Power.parse(settings), lent()).driver;
  const codeOf = (asked: Promise<unknown> | undefined) =>
    asked?.then(() => "done").catch((error: { code: string }) => error.code);

  it("puts its words where they stand, each so that it stays one", async () => {
    await start();
    const address = 'u7/../x?y="&{user}';
    const form = { url: `${machine.url}/u7/on?password={password}`, body: "who={user}&what={address}" };
    const json = { url: `${machine.url}/{address}`, method: "PUT", body: '{"what": "{address}", "{x": 1}' };
    const driver = open(byPath(machine.url, { address, on: form, off: json }));
    await driver.set(ctx, "on");
    expect(await codeOf(driver.set(ctx, "off"))).toBe("POWER_ODD_REPLY");
    const [first, second] = machine.requests;
    const percent = encodeURIComponent(address);
    expect(first?.line).toBe(`POST /u7/on?password=${encodeURIComponent(account.password)}`);
    expect(first?.body).toBe(`who=admin&what=${percent}`);
    expect(first?.headers["content-type"]).toBe("application/x-www-form-urlencoded");
    expect(second?.line).toBe(`PUT /${percent}`);
    expect(JSON.parse(second?.body ?? "")).toMatchObject({ what: address });
    expect(second?.headers["content-type"]).toBe("application/json");
  });

  it("tells the service what is to boot", async () => {
    await start();
    const body = '{"device": "{device}", "keep": {persistent}, "mode": "{mode}"}';
    const setBoot = { url: `${machine.url}/{address}/boot`, method: "PATCH", body };
    const target = { device: "network", persistent: false, firmware: "uefi" } as const;
    await open(byPath(machine.url, { setBoot })).setBoot?.(ctx, target);
    expect(machine.requests[0]?.line).toBe("PATCH /u7/boot");
    expect(JSON.parse(machine.requests[0]?.body ?? "")).toEqual({
      device: "network",
      keep: false,
      mode: "uefi",
    });
  });

  it.for([
    { status: 403, says: "", code: "POWER_NOT_ALLOWED", words: "403" },
    { status: 409, says: "<h1>Locked</h1>", code: "POWER_BUSY", words: "409 Locked" },
    { status: 429, says: "", headers: { "retry-after": "30" }, code: "POWER_BUSY", words: "after 30" },
    { status: 500, says: "out of order", code: "POWER_ODD_REPLY", words: '"500 out of order"' },
    { status: 404, says: `no ${account.password}`, code: "POWER_ODD_REPLY", words: "404 no ***" },
    {
      status: 302,
      says: "",
      headers: { location: "http://127.0.0.1:1/?x" },
      code: "POWER_ODD_REPLY",
      words: "not followed",
    },
    { status: 200, says: "x".repeat(2 ** 20 + 1), code: "POWER_ODD_REPLY", words: "more than 1 MiB" },
    { status: 200, says: '[{"ison": "unavailable"}]', code: "POWER_ODD_REPLY", words: "unavailable" },
  ])(
    "says $code, and that $words, when it is answered $status",
    async ({ status, says, headers, code, words }) => {
      await start();
      machine.say(status, says, headers ?? {});
      const asked = open(byPath(machine.url)).state(ctx);
      await expect(asked).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
      expect(machine.requests).toHaveLength(1);
    },
  );

  it("meets a digest's challenge, sends each order once, and tells the password to nobody", async () => {
    await start({ digest: true });
    const driver = open(byPath(machine.url, { auth: "digest" }));
    await driver.set(ctx, "on");
    expect(await driver.state(ctx)).toBe("on");
    expect(machine.given.map(({ order }) => order)).toEqual(["on", "look"]);
    const sent = JSON.stringify(machine.requests.map(({ headers }) => headers));
    expect(sent).not.toMatch(/Basic|Hjq8/);
    const wrongly = open(byPath(machine.url, { auth: "digest", password: wrong }));
    expect(await codeOf(wrongly.set(ctx, "off"))).toBe("POWER_DENIED");
    expect(await codeOf(open(byPath(machine.url)).set(ctx, "off"))).toBe("POWER_DENIED");
    expect(machine.state()).toBe("on");
  });

  it("is refused with one login while another is let in, and does not try it again", async () => {
    await start();
    const known = new Map<string, string>();
    const shared = (more: Settings) => openPower(Power.parse(byPath(machine.url, more)), lent(known)).driver;
    const [own, other] = [shared({ password: wrong }), shared({ address: "u8" })];
    expect(await codeOf(own.state(ctx))).toBe("POWER_DENIED");
    expect(await codeOf(other.state(ctx))).toBe("POWER_ODD_REPLY"); // let in: there is no such switch
    expect(await codeOf(own.state(ctx))).toBe("POWER_LOCKED_OUT");
    expect(machine.logins()).toBe(2);
  });

  it("ends with its caller while a connection is still on its way", async () => {
    // Takes what comes, and says nothing.
    const server = createServer((socket) => socket.on("error", () => {}).resume()).listen(0, "127.0.0.1");
    stops.push(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    for (const url of [`https://127.0.0.1:${port}`, `http://127.0.0.1:${port}`]) {
      const cancelled = new AbortController();
      const asked = open(byPath(url)).state(newContext({ signal: cancelled.signal }));
      setTimeout(() => cancelled.abort(new Error("enough")), 100);
      await expect(asked).rejects.toThrow("enough");
    }
    await expect.poll(() => new Promise((resolve) => server.getConnections((_, n) => resolve(n)))).toBe(0);
  });

  it("sends nothing to who has not proved to be the right one", async () => {
    await start({ tls: tls() });
    for (const fingerprint of ["AB".repeat(32), undefined]) {
      const asked = open(byBody(machine.url, { fingerprint })).state(ctx);
      expect(await codeOf(asked)).toBe("POWER_CERTIFICATE");
    }
    expect(machine.requests).toEqual([]);
    expect(await open(byBody(machine.url, { insecure: true })).state(ctx)).toBe("off");
  });

  it("says POWER_ODD_REPLY where somebody speaks another language", async () => {
    const server = createServer((socket) => socket.end("SSH-2.0-switch\r\n")).listen(0, "127.0.0.1");
    stops.push(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    expect(await codeOf(open(byPath(`http://127.0.0.1:${port}`)).state(ctx))).toBe("POWER_ODD_REPLY");
  });
});
