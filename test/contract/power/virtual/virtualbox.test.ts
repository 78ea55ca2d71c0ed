import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openPower, Power } from "../../../../provider/drivers/power/index.ts";
import { createKeeper } from "../../../../provider/drivers/power/kept.ts";
import { newContext } from "../../../../provider/kernel/context.ts";
import { lent } from "../lent.ts";
import type { PowerPeer } from "../peer.ts";
import { obeysPowerContract } from "../suite.ts";

const program = fileURLToPath(new URL("./vboxmanage.sh", import.meta.url));
const ctx = newContext();
const mac = "08:00:27:e5:fa:8f";
let made = 0;

/** A folder that is a machine, and a `VBoxManage` before all others that knows it alone. */
async function machine() {
  made += 1;
  const folder = await mkdtemp(join(tmpdir(), "virtualbox-"));
  const uuid = `6294f16b-4f05-4430-afb9-${String(made).padStart(12, "0")}`;
  const put = (name: string, text: string) => writeFile(join(folder, name), text);
  const boot = 'boot1="disk"\nboot2="dvd"\nboot3="none"\nboot4="none"\n';
  for (const [name, text] of Object.entries({ uuid, boot, state: "poweroff", fault: "none", calls: "" })) {
    await put(name, text);
  }
  await mkdir(join(folder, "bin"));
  await copyFile(program, join(folder, "bin", "VBoxManage"));
  await chmod(join(folder, "bin", "VBoxManage"), 0o755);
  vi.stubEnv("PATH", `${join(folder, "bin")}:${process.env["PATH"]}`);
  const read = async (name: string) => (await readFile(join(folder, name), "utf8")).trim();
  const calls = async () => (await read("calls")).split("\n").filter((line) => line !== "");
  const stop = async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true, force: true });
  };
  return { uuid, put, read, calls, stop };
}

const orders = { showvminfo: "look", startvm: "on", poweroff: "off", acpipowerbutton: "soft" } as const;

async function startPeer(): Promise<PowerPeer> {
  const { uuid, put, read, calls, stop } = await machine();
  const [keeper, known] = [createKeeper(), new Map<string, string>()];
  const vm = ["u 7", uuid, mac][made % 3];
  return {
    // Nobody listens anywhere: it is the same program, whose server does not start.
    handle: (how) => {
      const { driver, ...handle } = openPower(
        Power.parse({ driver: "virtualbox", vm }),
        lent(known, { kept: keeper.of(how) }),
      );
      const absent = async (inner: typeof ctx) => put("fault", "absent").then(() => driver.state(inner));
      return { ...handle, driver: how === "absent" ? { ...driver, state: absent } : driver };
    },
    fault: (fault) => put("fault", fault),
    machine: async () => ((await read("state")) === "running" ? "on" : "off"),
    turn: (to) => put("state", to === "on" ? "running" : "poweroff"),
    orders: async () =>
      (await calls()).flatMap((line) => {
        const [at, verb = "", ...words] = line.split(" ");
        const word = (verb === "controlvm" ? words.at(-1) : verb) as keyof typeof orders;
        return word in orders ? { at: Number(at), order: orders[word] } : [];
      }),
    logins: () => 0,
    identity: { productUuid: uuid, macs: [mac] },
    secrets: [],
    mark: uuid,
    async stop() {
      await keeper.close();
      await stop();
    },
  };
}

// VirtualBox is the user's own: nobody logs in to it.
obeysPowerContract("virtualbox by a stand-in for VBoxManage", startPeer, { refusal: true });

describe("virtualbox", () => {
  let one: Awaited<ReturnType<typeof machine>>;
  const known = new Map<string, string>();
  beforeEach(async () => {
    known.clear();
    one = await machine();
  });
  afterEach(() => one.stop());
  const open = () => openPower(Power.parse({ driver: "virtualbox", vm: "u 7" }), lent(known)).driver;
  const network = { device: "network", persistent: true, firmware: "bios" } as const;
  const disk = { ...network, device: "disk" } as const;
  const order = async () => [...(await one.read("boot")).matchAll(/="(\w+)"/g)].map(([, word]) => word);

  it("puts a device first while it is off, and keeps the others behind", async () => {
    const driver = open();
    await driver.setBoot?.(ctx, network);
    expect(await order()).toEqual(["net", "disk", "dvd", "none"]);
    expect(await driver.boot?.(ctx)).toEqual(network);
  });

  it("keeps for the next start what VirtualBox does not change while it runs", async () => {
    await one.put("state", "running");
    await open().setBoot?.(ctx, network);
    expect(await order()).toEqual(["disk", "dvd", "none", "none"]);
    expect(await open().boot?.(ctx)).toEqual(network);
    await one.put("state", "poweroff");
    await open().set(ctx, "on");
    expect(await order()).toEqual(["net", "disk", "dvd", "none"]);
    expect(known.size).toBe(0);
    expect(await one.read("state")).toBe("running");
  });

  it("forgets what was kept when another device is chosen while it is off", async () => {
    await one.put("state", "running");
    await open().setBoot?.(ctx, network);
    await one.put("state", "aborted");
    await open().setBoot?.(ctx, disk);
    await open().set(ctx, "on");
    expect(await order()).toEqual(["disk", "dvd", "none", "none"]);
  });

  it("boots one whose memory is saved from no network", async () => {
    await one.put("state", "saved");
    await expect(open().setBoot?.(ctx, network)).rejects.toThrow(/discardstate/);
    await open().setBoot?.(ctx, disk);
    await open().set(ctx, "on");
    expect(await one.read("state")).toBe("running");
  });
});
