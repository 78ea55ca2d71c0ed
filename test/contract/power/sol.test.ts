import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openPower, Power } from "../../../provider/drivers/power/index.ts";
import { newContext } from "../../../provider/kernel/context.ts";
import { type IpmiSim, startIpmiSim } from "./ipmi-sim.ts";
import { lent } from "./lent.ts";

const password = "Hjq8-wrEx2.Tz";
let sim: IpmiSim;
let line: Socket[];
let typed: string;
const stops: (() => unknown)[] = [];

beforeEach(async () => {
  [line, typed] = [[], ""];
  const server = createServer((socket) => {
    line.push(socket);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      typed += bytes.toString("latin1");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: serial } = server.address() as AddressInfo;
  sim = await startIpmiSim({ users: [{ name: "admin", password, privilege: "admin" }], serial });
  stops.push(
    () => server.close(),
    () => line.map((socket) => socket.destroy()),
    sim.stop,
  );
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** Listen on the server's serial line. */
function listening(more: object = {}) {
  const at = { driver: "ipmi", address: "127.0.0.1", port: sim.port, user: "admin", password };
  const { driver } = openPower(Power.parse({ ...at, console: "sol", cipherSuite: 3, ...more }), lent());
  const own = new AbortController();
  let heard = "";
  const ended = driver.console?.(newContext({ signal: own.signal }), (piece) => {
    heard += piece;
  });
  if (!ended) throw new Error("it has no console");
  const end = async () => {
    own.abort();
    return ended;
  };
  stops.push(() => end().catch(() => {}));
  return { heard: () => heard, ended, end };
}

const say = (text: string) => line.at(-1)?.write(text);

/** The command lines of the ipmitools that talk to this simulator. */
async function commands(): Promise<readonly string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const all = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return all.filter((words) => words.includes("ipmitool") && words.includes(`\0${sim.port}\0`));
}

/** Says it until it is heard: the session opens in its own time. */
const hearing = (one: { readonly heard: () => string }, word: string) =>
  vi.waitFor(
    () => {
      say(`${word}\r\n`);
      expect(one.heard()).toContain(word);
    },
    { timeout: 30_000, interval: 200 },
  );

describe("serial-over-LAN", () => {
  it("is heard while it is wanted, types nothing, tells no password to other processes, and leaves none", async () => {
    const one = listening();
    await hearing(one, "kernel says hello");
    expect(one.heard()).not.toContain("SOL Session");
    const running = await commands();
    expect(running).not.toEqual([]);
    expect(running.join()).not.toContain(password);
    await one.end();
    expect(one.heard()).not.toContain("terminated");
    expect(await commands()).toEqual([]);
    expect(typed.replace(/[^ -~]/g, "")).toBe("");
  });

  it("leaves the session of somebody else alone, says so, and has it when that one has ended", async () => {
    const one = listening();
    await hearing(one, "first");
    const two = listening();
    expect(await two.ended).toEqual({
      taken: true,
      reason: "SOL payload already active on another session",
    });
    await hearing(one, "still here");
    await one.end();
    await hearing(listening(), "third");
  });

  it("of a login that is refused is that failure, and of who asks for none there is none", async () => {
    await expect(listening({ password: "x" }).ended).rejects.toMatchObject({ code: "POWER_DENIED" });
    const settings = Power.parse({ driver: "ipmi", address: "127.0.0.1", user: "admin", password });
    expect(openPower(settings, lent()).driver.console).toBeUndefined();
  });
});
