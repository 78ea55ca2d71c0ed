import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openPower, Power, programsOf, warningsOf } from "../../../provider/drivers/power/index.ts";
import { newContext } from "../../../provider/kernel/context.ts";
import { lent } from "./lent.ts";
import type { PowerPeer } from "./peer.ts";
import { obeysPowerContract } from "./suite.ts";

const program = fileURLToPath(new URL("./pdu-mgr.sh", import.meta.url));
const [password, wrongPassword] = ["Hjq8-wrEx2.Tz", "7Yzn-guess"];
const ctx = newContext();
let made = 0;

async function pdu() {
  const folder = await mkdtemp(join(tmpdir(), "pdu-"));
  const put = (name: string, text: string) => writeFile(join(folder, name), text);
  const files = { state: "2\n", fault: "none", calls: "", logins: "", password };
  await Promise.all(Object.entries(files).map(([name, text]) => put(name, text)));
  const linesOf = async (name: string) =>
    (await readFile(join(folder, name), "utf8")).split("\n").filter((line) => line !== "");
  made += 1;
  const settings = (more: object = {}, secret = password) =>
    Power.parse({
      ...{ driver: "tilera-pdu", address: `pdu-${process.pid}-${made}.example`, program },
      environment: { PDU_FOLDER: folder, PDU_PASSWORD: secret },
      ...more,
    });
  return { folder, put, linesOf, settings };
}

async function startPeer(): Promise<PowerPeer> {
  const { folder, put, linesOf, settings } = await pdu();
  const known = new Map<string, string>();
  const hows = {
    right: settings(),
    "wrong password": settings({}, wrongPassword),
    absent: settings({ address: "absent" }),
  };
  const words = { "9": "look", "1": "on", "2": "off" } as const;
  let logins = 0;
  const count = async () => {
    logins = (await linesOf("logins")).length;
  };
  const counting = setInterval(() => void count().catch(() => {}), 5);
  return {
    handle: (how) => openPower(hows[how], lent(known)),
    fault: (fault) => put("fault", fault),
    machine: async () => ((await linesOf("state"))[0] === "1" ? "on" : "off"),
    turn: (to) => put("state", to === "on" ? "1\n" : "2\n"),
    orders: async () =>
      (await linesOf("calls")).map((line) => {
        const [at = "", mode = ""] = line.split(" ");
        return { at: Number(at), order: words[mode as keyof typeof words] };
      }),
    logins: () => logins,
    secrets: [password, wrongPassword],
    mark: "address" in hows.right ? hows.right.address : "",
    async stop() {
      clearInterval(counting);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

// A PDU knows nothing of what it feeds.
const outletOnly = { softOff: true, setBoot: true, identity: true };
obeysPowerContract("tilera-pdu by a program that stands for pdu_mgr", startPeer, outletOnly);

describe("tilera-pdu", () => {
  let one: Awaited<ReturnType<typeof pdu>>;
  const path = process.env["PATH"];
  beforeEach(async () => {
    one = await pdu();
  });
  afterEach(async () => {
    process.env["PATH"] = path;
    await rm(one.folder, { recursive: true, force: true });
  });
  const open = (more: object = {}, known?: Map<string, string>) =>
    openPower(one.settings(more), lent(known)).driver;
  const byPing = { status: "ping", server: "127.0.0.1" };
  /** A ping before the real one, which ends so. */
  const pingEnds = async (code: number) => {
    await one.put(
      "ping",
      `#!/bin/sh\necho "$@" >>pings\nexit ${code}\n`.replace("pings", join(one.folder, "pings")),
    );
    await chmod(join(one.folder, "ping"), 0o755);
    process.env["PATH"] = `${one.folder}${delimiter}${path}`;
  };

  it.for([
    { says: "1", seen: "on" },
    { says: "outlet 4\\nON", seen: "on" },
    { says: "2", seen: "off" },
    { says: "off", seen: "off" },
    { says: "3", seen: "POWER_ODD_REPLY" },
    { says: "", seen: "POWER_ODD_REPLY" },
  ])("takes $says for $seen", async ({ says, seen }) => {
    await one.put("state", says.replace("\\n", "\n"));
    expect(
      await open()
        .state(ctx)
        .catch((error: { code: string }) => error.code),
    ).toBe(seen);
  });

  it("names the program that a site has to allow", () => {
    expect(programsOf(one.settings())).toEqual([program]);
    expect(programsOf(Power.parse({ driver: "tilera-pdu", address: "10.0.100.1" }))).toEqual([
      "/tftpboot/pdu_mgr",
    ]);
  });

  it("warns of what a ping does not tell", () => {
    expect(warningsOf(one.settings())).toEqual([]);
    expect(warningsOf(one.settings(byPing))).toEqual([expect.stringContaining("taken for off")]);
  });

  it("asks the server itself where it is told to, by the real ping", async () => {
    expect(await open(byPing).state(ctx)).toBe("on");
    expect(await one.linesOf("calls")).toEqual([]);
  });

  it("takes a silent server for off, as Nova did, until it was switched on: then silence tells nothing", async () => {
    const known = new Map<string, string>();
    const driver = open(byPing, known);
    await pingEnds(1);
    expect(await driver.state(ctx)).toBe("off");
    await driver.set(ctx, "on");
    expect(await driver.state(ctx)).toBe("on");
    await driver.set(ctx, "off");
    expect(await driver.state(ctx)).toBe("off");
    await pingEnds(0);
    expect(await driver.state(ctx)).toBe("on");
    expect((await one.linesOf("pings")).at(-1)).toMatch(/ 127\.0\.0\.1$/);
  });

  it("takes a ping that fails itself for no answer at all", async () => {
    await pingEnds(2);
    await expect(open(byPing).state(ctx)).rejects.toMatchObject({ code: "POWER_UNREACHABLE" });
  });

  it.for([
    { more: { status: "ping" }, at: "server" },
    { more: { server: "10.0.0.1" }, at: "server" },
    { more: { status: "ping", server: "-f" }, at: "server" },
    { more: { address: "-rf" }, at: "address" },
    { more: { program: "" }, at: "program" },
  ])("refuses $more at $at", ({ more, at }) => {
    const { error } = Power.safeParse({ driver: "tilera-pdu", address: "10.0.100.1", ...more });
    expect(error?.issues.map(({ path: [key] }) => key)).toContain(at);
  });
});
