import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createConduct } from "../../../provider/drivers/power/conduct/index.ts";
import { openPower, Power } from "../../../provider/drivers/power/index.ts";
import { newContext } from "../../../provider/kernel/context.ts";
import { lent } from "./lent.ts";
import type { PowerPeer } from "./peer.ts";
import { obeysPowerContract } from "./suite.ts";

const program = fileURLToPath(new URL("./exec-machine.sh", import.meta.url));
const [password, wrongPassword] = ["Hjq8-wrEx2.Tz", "7Yzn-guess"];
const ctx = newContext();

/** Settings by which our script switches the machine of this folder. */
const settings = (folder: string, more: object = {}) => {
  const command = (word: string) => ["sh", program, folder, word];
  return {
    ...{ driver: "exec", address: "right", environment: { PASSWORD: password } },
    ...{ on: command("on"), off: command("off"), state: command("state") },
    ...{ softOff: command("soft"), setBoot: command("boot") },
    ...more,
  };
};

async function machine() {
  const folder = await mkdtemp(join(tmpdir(), "exec-"));
  const put = (name: string, text: string) => writeFile(join(folder, name), text);
  await Promise.all(
    Object.entries({ state: "off\n", fault: "none", calls: "", logins: "", password }).map(([name, text]) =>
      put(name, text),
    ),
  );
  const linesOf = async (name: string) =>
    (await readFile(join(folder, name), "utf8")).split("\n").filter((line) => line !== "");
  return { folder, put, linesOf };
}

async function startPeer(): Promise<PowerPeer> {
  const { folder, put, linesOf } = await machine();
  const known = new Map<string, string>();
  const hows = {
    right: {},
    "wrong password": { environment: { PASSWORD: wrongPassword } },
    absent: { address: "absent" },
  };
  const words = { state: "look", on: "on", off: "off", soft: "soft", boot: "boot" } as const;
  let logins = 0;
  const count = async () => {
    logins = (await linesOf("logins")).length;
  };
  const counting = setInterval(() => void count().catch(() => {}), 5);
  return {
    handle: (how) => openPower(Power.parse(settings(folder, hows[how])), lent(known)),
    fault: (fault) => put("fault", fault),
    machine: async () => (await linesOf("state"))[0] as "on" | "off",
    turn: (to) => put("state", to),
    orders: async () =>
      (await linesOf("calls")).map((line) => {
        const [at = "", word = ""] = line.split(" ");
        return { at: Number(at), order: words[word as keyof typeof words] };
      }),
    logins: () => logins,
    secrets: [password, wrongPassword],
    mark: folder,
    async stop() {
      clearInterval(counting);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

obeysPowerContract("exec by a script of one's own", startPeer, { identity: true });

describe("exec", () => {
  let one: Awaited<ReturnType<typeof machine>>;
  beforeEach(async () => {
    one = await machine();
  });
  afterEach(() => rm(one.folder, { recursive: true, force: true }));
  const open = (more: object = {}) => openPower(Power.parse(settings(one.folder, more)), lent());

  it("tells the script what is to boot", async () => {
    const target = { device: "network", persistent: false, firmware: "uefi" } as const;
    await open().driver.setBoot?.(ctx, target);
    expect((await one.linesOf("calls"))[0]).toMatch(/^\d+ boot network false uefi$/);
  });

  it("can do what it has commands for", async () => {
    const least = open({ softOff: undefined, setBoot: undefined });
    expect(least.driver.softOff).toBeUndefined();
    const power = createConduct({ gap: "1 ms" }).around(least);
    expect(power.choosesBoot).toBe(false);
    await power.bootFrom(ctx, { device: "disk", persistent: true, firmware: "bios" });
    expect(await one.linesOf("calls")).toEqual([]);
    await expect(power.softOff(ctx)).resolves.toBeUndefined();
    await one.put("state", "on");
    await expect(power.softOff(ctx)).rejects.toMatchObject({ code: "POWER_CANNOT" });
  });

  it.for([
    { when: "there is no such program", on: ["/nowhere/pdu"], code: "POWER_PROGRAM_MISSING" },
    { when: "the program fails", on: ["sh", "-c", "echo smoke >&2; exit 3"], code: "POWER_ODD_REPLY" },
    { when: "a signal ends it", on: ["sh", "-c", "kill -9 $$"], code: "POWER_ODD_REPLY" },
  ])("says $code when $when", async ({ on, code }) => {
    await expect(open({ on }).driver.set(ctx, "on")).rejects.toMatchObject({ code });
  });

  it("tries a refused login once for all that its controller switches", async () => {
    const known = new Map<string, string>();
    const more = { controller: "pdu1", environment: { PASSWORD: wrongPassword } };
    const outlet = (address: string) =>
      openPower(Power.parse(settings(one.folder, { ...more, address })), lent(known)).driver;
    await expect(outlet("right").state(ctx)).rejects.toMatchObject({ code: "POWER_DENIED" });
    await expect(outlet("another").state(ctx)).rejects.toMatchObject({ code: "POWER_LOCKED_OUT" });
    expect(await one.linesOf("logins")).toHaveLength(1);
  });

  it("hides what the environment holds, also where the script repeats it", async () => {
    const on = ["sh", "-c", 'echo "no way with $PASSWORD" >&2; exit 9'];
    await expect(open({ on }).driver.set(ctx, "on")).rejects.toThrow(/answered "no way with \*\*\*"/);
  });
});
