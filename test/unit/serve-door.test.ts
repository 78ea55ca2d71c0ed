import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { lineLogger, silent } from "../../provider/kernel/log.ts";
import type { AuditLine } from "../../provider/serve/audit.ts";
import { limitConnections } from "../../provider/serve/connections.ts";
import { doorkeeper } from "../../provider/serve/doorkeeper.ts";
import { createTurnstile, networkOf } from "../../provider/serve/turnstile.ts";
import type { Bearer } from "../../provider/site/access.ts";
import type { LocalSite } from "../../provider/site/local/index.ts";

describe("an address that comes without a good token", () => {
  it("may do so some times in a minute, and is told how long to wait after that", () => {
    let now = 0;
    const { turnAway } = createTurnstile({ now: () => now, most: 3 });
    const asked = (address = "192.0.2.7") => turnAway(address);
    expect([asked(), asked(), asked()]).toEqual(Array(3).fill(undefined));
    now = 20_500;
    expect([asked(), asked(), asked("192.0.2.8")]).toEqual([40, 40, undefined]);
    now = 59_999;
    expect(asked()).toBe(1);
    now = 60_000;
    expect(asked()).toBeUndefined();
  });

  it("is remembered among so many, the last ones", () => {
    const { turnAway } = createTurnstile({ now: () => 0, most: 1, addresses: 2 });
    for (const address of ["10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.3"]) turnAway(address);
    expect([turnAway("10.0.0.1"), turnAway("10.0.0.2")]).toEqual([60, undefined]);
  });

  it.for([
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["", ""],
  ])("%s counts as %s", ([address, network]) => {
    expect(networkOf(address ?? "")).toBe(network);
  });
});

describe("the door", () => {
  const bearers: Readonly<Record<string, Bearer>> = {
    good: { name: "ci", owner: "*/*", scope: "read", expires: new Date(Date.now() + 60_000).toISOString() },
    old: { name: "old", owner: "*/*", scope: "read", expires: "2020-01-01T00:00:00.000Z" },
  };
  it("lets a good token in, whoever else comes from there, and notes who asked for what in vain", async () => {
    const noted: AuditLine[] = [];
    const site = { bearerOf: async (token: string) => bearers[token] } as unknown as LocalSite;
    const admit = doorkeeper(site, {
      record: () => {},
      turnedAway: (line) => noted.push(line),
    });
    const ask = (token?: string) =>
      admit({ token, address: "192.0.2.7", route: "GET /v1/nodes" }).then(
        ({ who }) => `${who} is in`,
        (error) => [error.status ?? 401, error.failure?.code ?? error.code, error.headers?.["retry-after"]],
      );
    expect(await ask("old")).toEqual([401, "TOKEN_EXPIRED", undefined]);
    for (let n = 0; n < 9; n += 1)
      expect(await ask(n % 2 ? "guess" : undefined)).toEqual([401, "TOKEN_MISSING", undefined]);
    for (let n = 0; n < 5; n += 1) {
      expect(await ask("guess")).toEqual([429, "TOKEN_RATE", expect.stringMatching(/^(60|5\d)$/)]);
    }
    expect(await ask("good")).toBe("ci is in");
    expect(noted.map(({ who, route, outcome }) => `${who} ${route} ${outcome}`)).toEqual([
      "old GET /v1/nodes TOKEN_EXPIRED",
      ...Array(9).fill("nobody GET /v1/nodes TOKEN_MISSING"),
      ...Array(5).fill("nobody GET /v1/nodes TOKEN_RATE"),
    ]);
  });
});

describe("connections", () => {
  const sockets: Socket[] = [];
  let server: Server | undefined;
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    server?.close();
  });
  /** What is not closed at once is served. */
  const greeting = () =>
    createServer((socket) => setImmediate(() => void (socket.destroyed || socket.write("hello"))));
  const open = async () => {
    const where = server?.address() as AddressInfo;
    const socket = connect(where.port, "127.0.0.1");
    sockets.push(socket);
    socket.on("error", () => {});
    // A greeting says that it is taken; its end without one, that it is not.
    return Promise.race([
      once(socket, "data").then(() => "taken"),
      once(socket, "close").then(() => "closed"),
    ]);
  };

  it("from one address are as many as they may be, and another one when one has ended", async () => {
    const words: string[] = [];
    server = greeting();
    limitConnections(
      server,
      { maxConnections: 10, maxConnectionsPerAddress: 2 },
      lineLogger((line) => words.push(line)),
    );
    await once(server.listen(0, "127.0.0.1"), "listening");
    expect([await open(), await open(), await open(), await open()]).toEqual([
      "taken",
      "taken",
      "closed",
      "closed",
    ]);
    sockets[0]?.destroy();
    await vi.waitFor(async () => expect(await open()).toBe("taken"));
    expect(words.join()).toContain("127.0.0.1");
  });

  it("in all are as many as they may be", async () => {
    server = greeting();
    limitConnections(server, { maxConnections: 1, maxConnectionsPerAddress: 5 }, silent);
    await once(server.listen(0, "127.0.0.1"), "listening");
    expect([await open(), await open()]).toEqual(["taken", "closed"]);
  });
});
