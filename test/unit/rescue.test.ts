import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { perform } from "../../provider/site/local/operations.ts";
import type { State } from "../../provider/site/site.ts";
import { approvedKey, rescueState } from "../../provider/workflows/rescue.ts";
import { hostKey as key } from "../../tools/images/system.ts";
import { asking } from "../fixtures/fake-servers.ts";
import { type OneServer, openOneServer } from "../fixtures/one-server.ts";
import { hostKeyOf } from "../fixtures/ramdisks.ts";
import { ref, specs } from "../fixtures/site-parts.ts";

const partition = { source: "/images/debian.raw", kernel: { source: "/k" }, ramdisk: { source: "/r" } };

let one: OneServer;
let state: State;
beforeEach(async () => {
  one = await openOneServer();
  state = await one.install();
});
afterEach(() => one.site.close());

const rescue = (more: object = { powerOff: true }) =>
  perform(one.site.ctx, one.site.parts, { kind: "rescue", node: "n1", key, ...more });
const unrescue = () => perform(one.site.ctx, one.site.parts, { kind: "unrescue", node: "n1" });
const node = async () => (await one.site.store.get("nodes", "n1"))?.state ?? {};
const instance = async () => (await one.site.store.get("instances", "web-1"))?.state ?? {};
const served = () => one.site.boot.serves(one.server.mac);
const switched = () => one.server.log.filter((verb) => !asking.includes(verb));
/** The helper ends when this has come to be. */
const dies = async (doing: Promise<unknown>) => expect(doing).rejects.toThrow("ended");
const die = () => void one.site.parts.jobs.stop(new Error("ended"));

describe("a rescue", () => {
  it("ends the system softly, boots the ramdisk with the key, and tells how to come in", async () => {
    expect(one.server).toMatchObject({ state: "on", running: "system" });
    const told = await rescue();
    expect(told).toMatchObject({ node: "n1", instance: "web-1", provisionState: "rescue" });
    expect(told["hostKey"]).toMatch(/^ssh-ed25519 AAAA\d+$/);
    expect(decodeURIComponent(one.site.boot.word(one.server.mac, "rescue_key"))).toBe(key);
    expect(one.server).toMatchObject({ state: "on", running: "ramdisk", boots: { persistent: true } });
    expect(switched()).toEqual(["soft, then hard off", "boot from network", "ensure on"]);
    expect(one.writes()).toBe(0);
    expect(await node()).toMatchObject({ provisionState: "rescue", assignedInstance: "web-1" });
    expect(await instance()).toMatchObject({ provisionState: "rescue", stage: "rescue" });
  });

  it("takes no permission for a server that is off, and boots no system that is declared off", async () => {
    ({ state } = await one.make(state, { power: "off" }));
    await rescue({});
    await unrescue();
    expect(one.server).toMatchObject({ state: "off", boots: { device: "disk" } });
    expect(await instance()).toMatchObject({ provisionState: "active" });
  });

  it("answers the same again while its ramdisk is there, and the host key of a later boot", async () => {
    const told = await rescue();
    vi.spyOn(one.site.parts, "hostKeys").mockResolvedValue([String(told["hostKey"])]);
    one.server.log.length = 0;
    expect(await rescue({})).toEqual(told);
    expect(switched()).toEqual([]);
    // Somebody typed `reboot` in it: it comes back by itself, and calls.
    vi.spyOn(one.site.parts, "hostKeys").mockResolvedValue([]);
    const power = one.site.parts.powerOf(specs.node("10.0.0.1").power as never);
    await power.ensure(one.site.ctx, "off");
    await new Promise((resolve) => setTimeout(resolve, 50));
    await power.ensure(one.site.ctx, "on");
    one.server.log.length = 0;
    const again = await rescue({});
    expect(again["hostKey"]).not.toBe(told["hostKey"]);
    expect(switched().filter((verb) => verb.includes("ensure"))).toEqual([]);
  });

  it("lets another key in after one more boot, without being asked whether it may switch its own ramdisk off", async () => {
    await rescue();
    const other = key.replace("INBq", "INBr");
    await rescue({ key: other });
    expect(decodeURIComponent(one.site.boot.word(one.server.mac, "rescue_key"))).toBe(other);
    await unrescue();
    expect(one.server.running).toBe("system");
  });

  it("leads back to the system as it was installed, from its disk or over the network", async () => {
    for (const image of [specs.image, { ...specs.image, ...partition }]) {
      await one.site.images.ensure(one.site.ctx, ref("i"), image);
      const { record, ...stored } = (await one.site.store.deployment("web-1")) ?? ({} as never);
      await one.site.store.keepDeployment({ ...stored, record: { ...record, image: image as never } });
      await rescue();
      one.site.done.length = 0;
      expect(await unrescue()).toMatchObject({ provisionState: "active", powerState: "on" });
      // It was told before it lost its power.
      expect(one.site.done.join()).toContain("hears done");
      expect(one.server).toMatchObject({ state: "on", running: "system", boots: { persistent: true } });
      expect(served()).toBe(image === specs.image ? "local" : "system");
      expect(await node()).toMatchObject({ provisionState: "active", lastError: "" });
      expect(await instance()).toMatchObject({ provisionState: "active", stage: "active" });
      expect(await one.site.store.visit("n1")).toBeUndefined();
      expect(await one.see(state, {})).toMatchObject({ effect: "none" });
      expect(await one.site.instances.observe(one.site.ctx, ref("web-1"))).toMatchObject({ drift: [] });
    }
    expect(one.writes()).toBe(0);
  });

  it("is open to a written system that does not answer, which is waited for again afterwards", async () => {
    await one.site.store.patch("nodes", "n1", { provisionState: "wait call-back" });
    await rescue();
    await unrescue();
    expect(await node()).toMatchObject({ provisionState: "wait call-back" });
  });

  it.for([
    { when: "is running", how: {}, code: "RESCUE_RUNNING_SYSTEM" },
    { when: "is asked for with half a key", how: { key: key.slice(0, 40) }, code: "RESCUE_BAD_KEY" },
    {
      when: "has a locked instance",
      before: () => one.make(state, { locked: true }),
      code: "INSTANCE_LOCKED",
    },
    {
      when: "is in maintenance",
      before: () => one.site.store.patch("nodes", "n1", { maintenanceReason: "a new fan" }),
      code: "DEPLOY_MAINTENANCE",
    },
    {
      when: "has no controller any more",
      before: () => one.site.nodes.ensure(one.site.ctx, ref("n1"), specs.node("10.0.0.1", { abandon: true })),
      code: "RESCUE_REFUSED",
    },
    {
      when: "is free",
      before: () => one.site.instances.remove(one.site.ctx, ref("web-1"), { state }),
      code: "RESCUE_REFUSED",
    },
    {
      when: "is set aside",
      before: () => one.site.store.patch("nodes", "n1", { provisionState: "deploy failed" }),
      code: "RESCUE_REFUSED",
    },
    { when: "is not there", how: { node: "n9" }, code: "SITE_UNKNOWN_REFERENCE" },
  ])("is refused for a server that $when, and switches nothing", async ({ before, how, code }) => {
    await before?.();
    one.server.log.length = 0;
    const was = await node();
    await expect(rescue(how)).rejects.toMatchObject({ code });
    expect(switched()).toEqual([]);
    expect(await node()).toMatchObject({ provisionState: was["provisionState"] });
    await expect(unrescue()).rejects.toMatchObject({ code: "RESCUE_REFUSED" });
    expect(switched()).toEqual([]);
  });
});

describe("while a server is rescued", () => {
  it.for([
    { what: "power", more: { power: "off" } },
    { what: "another image", more: { imageDigest: "sha256:9", allowReinstall: true } },
    { what: "a change in place", more: { waitFor: "ping" } },
  ])("$what is refused, at preview and at the update", async ({ more }) => {
    await rescue();
    one.server.log.length = 0;
    const { failures } = await one.see(state, more);
    expect(failures.map(({ reason }) => reason).join()).toContain("[RESCUE_UNDER_WAY]");
    const doing = one.site.instances.ensure(one.site.ctx, ref("web-1"), one.spec(more), { state });
    await expect(doing).rejects.toMatchObject({ code: "RESCUE_UNDER_WAY" });
    expect([switched(), one.writes()]).toEqual([[], 0]);
  });

  it("an unchanged program is fine, and a refresh shows where it is without planning anything", async () => {
    await rescue();
    const seen = await one.site.instances.observe(one.site.ctx, ref("web-1"), { state });
    expect(seen).toMatchObject({ provisionState: "rescue", power: "on", drift: [] });
    expect(one.site.words.join()).toContain("nodes unrescue n1");
    expect(await one.see(seen, {})).toMatchObject({ effect: "none", failures: [] });
  });

  it("it is not deleted", async () => {
    await rescue();
    const deleting = one.site.instances.remove(one.site.ctx, ref("web-1"), { state });
    await expect(deleting).rejects.toMatchObject({ code: "RESCUE_UNDER_WAY" });
    expect(one.server.running).toBe("ramdisk");
  });

  it("other words for its image's kernel do not take its menu away", async () => {
    const image = { ...specs.image, ...partition };
    await one.site.images.ensure(one.site.ctx, ref("i"), image);
    await rescue();
    await one.site.images.ensure(one.site.ctx, ref("i"), { ...image, kernelArgs: ["quiet"] });
    expect(served()).toBe("ramdisk");
  });
});

describe("a rescue that fails", () => {
  it("before anything was switched leaves the system running", async () => {
    vi.spyOn(one.site.parts, "ramdisk").mockRejectedValueOnce(new Error("no package lists"));
    await expect(rescue()).rejects.toThrow("no package lists");
    expect([switched(), one.server.running]).toEqual([[], "system"]);
    expect(await node()).toMatchObject({ provisionState: "active", lastError: "" });
    expect(await one.site.store.visit("n1")).toBeUndefined();
  });

  it("in its ramdisk is told in that one's words; the server is off, and led back by unrescue", async () => {
    one.server.complains = "no SSH server";
    await expect(rescue()).rejects.toMatchObject({ code: "RESCUE_FAILED" });
    expect(one.server.state).toBe("off");
    expect(await node()).toMatchObject({ provisionState: "rescue failed" });
    expect((await node())["lastError"]).toContain("no SSH server");
    one.server.complains = undefined;
    await expect(one.see(state, { power: "off" })).resolves.toMatchObject({ failures: [{}] });
    await unrescue();
    expect(one.server).toMatchObject({ state: "on", running: "system" });
    expect(await node()).toMatchObject({ provisionState: "active", lastError: "" });
  });

  it("on its way back is asked for again", async () => {
    await rescue();
    one.server.failing.set("boot from disk", new Error("the controller is dead"));
    await expect(unrescue()).rejects.toThrow("the controller is dead");
    expect(await node()).toMatchObject({ provisionState: "unrescue failed" });
    one.server.failing.clear();
    await unrescue();
    expect(one.server.running).toBe("system");
  });
});

describe("a helper that dies", () => {
  it("on the way into a rescue has a successor that goes on with the ramdisk that is there", async () => {
    const { accept } = one.site.parts.switchboard;
    const dying: typeof accept = async () => {
      queueMicrotask(die);
      return { ok: false, reason: "one moment please" };
    };
    Object.assign(one.site.parts.switchboard, { accept: dying });
    await dies(rescue());
    Object.assign(one.site.parts.switchboard, { accept });
    expect(await node()).toMatchObject({ provisionState: "rescue wait" });
    one.server.log.length = 0;
    await rescue({});
    expect(switched().filter((verb) => verb.startsWith("ensure"))).toEqual([]);
    expect(await node()).toMatchObject({ provisionState: "rescue" });
  });

  it("on the way back has one that comes to its end", async () => {
    await rescue();
    vi.spyOn(one.site.boot.driver, "prepare").mockImplementationOnce(async () => {
      die();
      throw new Error("ended");
    });
    await expect(unrescue()).rejects.toThrow("ended");
    await unrescue();
    expect(one.server.running).toBe("system");
    expect(served()).toBe("local");
  });
});

describe("the key of a rescue", () => {
  it("is passed on without its comment", () => {
    expect(approvedKey(`${key}\tsomebody's key\n`)).toBe(key);
  });

  it.for([
    { what: "a private one", text: "-----BEGIN OPENSSH PRIVATE KEY-----\nPLANTED", says: "private key" },
    { what: "one that lets options in", text: `command="x" ${key}`, says: "without options" },
    { what: "two", text: `${key}\n${key}`, says: "on one line" },
    { what: "one with a token", text: sk(), says: "ed25519, ecdsa and rsa" },
    { what: "one too long for a kernel", text: rsa(1024), says: "4096 bits" },
  ])("is not $what", ({ text, says }) => {
    expect(() => approvedKey(text)).toThrow(says);
    expect(() => approvedKey(text)).not.toThrow("PLANTED");
  });

  it("is an rsa key of 4096 bits too", () => {
    expect(approvedKey(rsa(512))).toBe(rsa(512));
  });
});

const field = (content: string | Buffer) => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, Buffer.from(content)]);
};
const encoded = (kind: string, ...fields: readonly Buffer[]) =>
  `${kind} ${Buffer.concat([field(kind), ...fields.map(field)]).toString("base64")}`;
function rsa(bytes: number): string {
  return encoded(
    "ssh-rsa",
    Buffer.from([1, 0, 1]),
    Buffer.concat([Buffer.from([0]), Buffer.alloc(bytes, 7)]),
  );
}
function sk(): string {
  return encoded("sk-ssh-ed25519@openssh.com", Buffer.alloc(32), Buffer.from("ssh:"));
}

it("stands where its record says, in this order", () => {
  const order = { mode: "rescue", key, instance: "web-1", from: "active" } as const;
  const record = { id: "i", key: "k", order };
  const stands = [
    {},
    { touched: true },
    { touched: true, powered: true },
    { touched: true, powered: true, hostKey: hostKeyOf(1) },
  ];
  expect(stands.map((more) => rescueState({ ...record, ...more }))).toEqual([
    ...[undefined, "rescuing", "rescue wait", "rescue"],
  ]);
});
