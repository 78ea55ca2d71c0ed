import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openPower, Power, programsOf, warningsOf } from "../../../../provider/drivers/power/index.ts";
import type { RunOn } from "../../../../provider/drivers/power/via.ts";
import { newContext } from "../../../../provider/kernel/context.ts";
import { run } from "../../../../provider/kernel/process.ts";
import { lent } from "../lent.ts";
import type { PowerPeer } from "../peer.ts";
import { obeysPowerContract } from "../suite.ts";

const program = fileURLToPath(new URL("../exec-machine.sh", import.meta.url));
const [password, wrongPassword, secureOn] = ["Hjq8-wrEx2.Tz", "7Yzn-guess", "a1:b2:c3:d4:e5:f6"];
const mac = "52:54:00:ab:cd:07";
const ctx = newContext();

/** What such a card wakes by, written out. */
const wakes = Buffer.from(
  `${"ff".repeat(6)}${"525400abcd07".repeat(16)}${secureOn.replaceAll(":", "")}`,
  "hex",
).toString("hex");

/** A card on loopback, behind which there is a machine in a folder: `exec-machine.sh` looks at it, and switches it off. */
async function startCard(wakesBy = wakes) {
  const folder = await mkdtemp(join(tmpdir(), "wake-"));
  const put = (name: string, text: string) => writeFile(join(folder, name), text);
  const files = { state: "off\n", fault: "none", calls: "", logins: "", password };
  await Promise.all(Object.entries(files).map(([name, text]) => put(name, text)));
  const linesOf = async (name: string) =>
    (await readFile(join(folder, name), "utf8")).split("\n").filter((line) => line !== "");

  const packets: { at: number; packet: string }[] = [];
  async function wake(): Promise<void> {
    const [fault] = await linesOf("fault");
    await appendFile(join(folder, "calls"), `${Date.now()} on\n`);
    if (fault === "lies") return;
    if (fault === "slow") setTimeout(() => void put("state", "on\n").catch(() => {}), 1_000);
    else await put("state", "on\n");
  }
  const socket = createSocket("udp4");
  socket.on("message", (message) => {
    const packet = message.toString("hex");
    const again = packets.some((one) => one.packet === packet && Date.now() - one.at < 900);
    packets.push({ at: Date.now(), packet });
    // Copies of one packet wake it once.
    if (packet === wakesBy && !again) void wake();
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    ...{ folder, put, linesOf, port: socket.address().port },
    packets: () => packets.map(({ packet }) => packet),
    async stop() {
      socket.close();
      await once(socket, "close");
      await rm(folder, { recursive: true, force: true });
    },
  };
}
type Card = Awaited<ReturnType<typeof startCard>>;

const settings = ({ folder, port }: Pick<Card, "folder" | "port">, more: object = {}) => {
  const command = (word: string) => ["sh", program, folder, word];
  return {
    ...{ driver: "wake-on-lan", address: "right", mac, port, broadcast: "127.0.0.1", password: secureOn },
    ...{ off: command("off"), state: command("state"), softOff: command("soft") },
    ...{ environment: { PASSWORD: password }, ...more },
  };
};

async function startPeer(): Promise<PowerPeer> {
  const card = await startCard();
  const known = new Map<string, string>();
  const hows = {
    right: {},
    "wrong password": { environment: { PASSWORD: wrongPassword } },
    absent: { address: "absent" },
  };
  const words = { state: "look", on: "on", off: "off", soft: "soft" } as const;
  return {
    handle: (how) => openPower(Power.parse(settings(card, hows[how])), lent(known)),
    fault: (fault) => card.put("fault", fault),
    machine: async () => (await card.linesOf("state"))[0] as "on" | "off",
    turn: (to) => card.put("state", to),
    orders: async () =>
      (await card.linesOf("calls")).map((line) => {
        const [at = "", word = ""] = line.split(" ");
        return { at: Number(at), order: words[word as keyof typeof words] };
      }),
    logins: () => readFileSync(join(card.folder, "logins"), "utf8").split("\n").length - 1,
    secrets: [password, wrongPassword, secureOn],
    mark: card.folder,
    stop: card.stop,
  };
}

// A packet chooses nothing that boots, and brings nothing back.
obeysPowerContract("wake-on-lan with a script for the rest", startPeer, { setBoot: true, identity: true });

describe("wake-on-lan", () => {
  let card: Card;
  beforeEach(async () => {
    card = await startCard();
  });
  afterEach(() => card.stop());
  const open = (more: object = {}) => openPower(Power.parse(settings(card, more)), lent()).driver;

  it.for([
    { password: undefined, end: "" },
    { password: "A1-B2-C3-D4-E5-F6", end: "a1b2c3d4e5f6" },
    { password: "192.168.1.255", end: "c0a801ff" },
  ])("sends some copies of the packet that the card knows, with $password", async ({ password, end }) => {
    const wanted = `${"ff".repeat(6)}${"525400abcd07".repeat(16)}${end}`;
    await open({ password, mac: mac.toUpperCase().replaceAll(":", "-") }).set(ctx, "on");
    await expect.poll(card.packets).toEqual([wanted, wanted, wanted]);
  });

  it("wakes nobody with another password, or another card's address", async () => {
    const others = { password: "00:00:00:00:00:00" };
    await open(others).set(ctx, "on");
    await open({ mac: "52:54:00:ab:cd:08" }).set(ctx, "on");
    await expect.poll(() => card.packets().length).toBe(6);
    expect(await open().state(ctx)).toBe("off");
  });

  it("sends by the interface that it is told, and says so when there is none", async () => {
    const [lo = ""] = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
      addresses?.some(({ address }) => address === "127.0.0.1") ? [name] : [],
    );
    await open({ interface: lo }).set(ctx, "on");
    await expect.poll(() => card.packets().length).toBe(3);
    const asked = open({ interface: "none0" }).set(ctx, "on");
    const message = expect.stringContaining("no interface none0");
    await expect(asked).rejects.toMatchObject({ code: "POWER_UNREACHABLE", message });
  });

  it("switches nothing off without a command for it, which the preview says", async () => {
    const least = { off: undefined, softOff: undefined };
    await expect(open(least).set(ctx, "off")).rejects.toMatchObject({ code: "POWER_CANNOT" });
    expect(open(least).softOff).toBeUndefined();
    expect(warningsOf(Power.parse(settings(card, least)))).toEqual([
      expect.stringContaining("right cannot be switched off"),
    ]);
    expect(warningsOf(Power.parse(settings(card)))).toEqual([]);
    expect(programsOf(Power.parse(settings(card)))).toEqual(["sh", "sh", "sh"]);
  });

  it("has its commands run where `via` says, and sends the packet itself", async () => {
    const hosts: (string | undefined)[] = [];
    const runOn: RunOn = (host) => {
      hosts.push(host?.shown);
      return run;
    };
    const handle = openPower(
      Power.parse(settings(card, { via: "ssh://me@jump" })),
      lent(new Map(), { runOn }),
    );
    expect([handle.via, handle.controller]).toEqual([
      "ssh://me@jump",
      `wake-on-lan ${mac} via ssh://me@jump`,
    ]);
    await handle.driver.set(ctx, "on");
    await expect.poll(() => handle.driver.state(ctx)).toBe("on");
    await handle.driver.set(ctx, "off");
    expect(await handle.driver.state(ctx)).toBe("off");
    expect(hosts).toEqual(["ssh://me@jump"]);
  });

  it("takes a machine for off only where its command says so", async () => {
    // What a ping that is not answered can say.
    const state = ["sh", "-c", "echo no answer >&2; exit 69"];
    await expect(open({ state }).state(ctx)).rejects.toMatchObject({
      ...{ code: "POWER_UNREACHABLE", message: expect.stringContaining("no answer") },
    });
    expect(Power.safeParse(settings(card, { state: undefined })).success).toBe(false);
  });
});
