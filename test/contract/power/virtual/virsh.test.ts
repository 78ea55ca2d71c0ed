import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { openPower, Power } from "../../../../provider/drivers/power/index.ts";
import { createKeeper } from "../../../../provider/drivers/power/kept.ts";
import { newContext } from "../../../../provider/kernel/context.ts";
import { sshHost } from "../../../../provider/services/ssh/address.ts";
import { createElsewhere } from "../../../../provider/services/ssh/runs.ts";
import { bootHost } from "../../site/boot-host.ts";
import { lent } from "../lent.ts";
import type { PowerPeer } from "../peer.ts";
import { obeysPowerContract } from "../suite.ts";
import { type DomainFacts, type Libvirtd, lacking, startLibvirtd } from "./libvirtd.ts";
import { type Front, startFront } from "./virsh-front.ts";

const ctx = newContext();
const missing = await lacking();
if (missing && process.env["CI"]) throw new Error(`there is no ${missing} on this host`);

let libvirtd: Libvirtd;
let front: Front;

const words = { domstate: "look", start: "on", destroy: "off", shutdown: "soft", define: "boot" } as const;

let made = 0;

async function startPeer(): Promise<PowerPeer> {
  const domain = await front.define();
  const { uuid, name, mac } = domain;
  // As a site has it: one keeper for all that is behind one hypervisor.
  const keeper = createKeeper();
  made += 1;
  const by = [name, uuid, mac][made % 3];
  const uris = { right: libvirtd.uri, absent: `qemu+unix:///session?socket=${front.folder}/nobody` };
  return {
    handle: (how) => {
      const uri = how === "absent" ? uris.absent : uris.right;
      return openPower(
        Power.parse({ driver: "virsh", uri, domain: by }),
        lent(undefined, { kept: keeper.of(uri) }),
      );
    },
    fault: front.fault,
    machine: async () => ((await libvirtd.virsh("domstate", uuid)) === "shut off" ? "off" : "on"),
    turn: async (to) => void (await libvirtd.virsh(to === "on" ? "start" : "destroy", uuid)),
    // What is asked of all domains once, and of the definition, is no order to the machine.
    orders: async () =>
      (await front.calls()).flatMap((line) => {
        const [at, verb = ""] = line.split(" ");
        return verb in words ? { at: Number(at), order: words[verb as keyof typeof words] } : [];
      }),
    logins: () => 0,
    identity: { serial: domain.serial, productUuid: uuid },
    secrets: [domain.password],
    mark: libvirtd.uri,
    async stop() {
      await keeper.close();
      await vi.waitUntil(front.lateIsDone, 10_000);
      await front.remove(domain);
    },
  };
}

const there = missing === undefined;
describe.skipIf(!there)(`virsh${there ? "" : `, left out: there is no ${missing} on this host`}`, () => {
  beforeAll(async () => {
    libvirtd = await startLibvirtd();
    front = await startFront(libvirtd);
    vi.stubEnv("PATH", `${front.path}:${process.env["PATH"]}`);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await libvirtd.stop();
    await front.end();
  });

  // libvirt asks for no login where its socket may be opened: that is the group's affair.
  obeysPowerContract("virsh, in front of a libvirtd of its own,", startPeer, { refusal: true });

  describe("virsh", () => {
    let domain: DomainFacts;
    beforeEach(async () => {
      domain = await front.define();
    });
    afterEach(() => front.remove(domain));
    const open = (more: object = {}, how: Parameters<typeof lent>[1] = {}) =>
      openPower(
        Power.parse({ driver: "virsh", uri: libvirtd.uri, domain: domain.name, ...more }),
        lent(undefined, how),
      ).driver;
    const inactive = () => libvirtd.virsh("dumpxml", "--inactive", "--security-info", domain.uuid);

    it("changes the order of boot and nothing else, and nothing where it is so", async () => {
      const before = await inactive();
      const driver = open();
      const target = { device: "network", persistent: true, firmware: "bios" } as const;
      expect(await driver.boot?.(ctx)).toMatchObject({ device: "disk" });
      await driver.setBoot?.(ctx, target);
      expect(await driver.boot?.(ctx)).toEqual(target);
      const between = "<boot dev='network'/>\n    <boot dev='hd'/>";
      expect(await inactive()).toBe(before.replace("<boot dev='hd'/>", between));
      await driver.setBoot?.(ctx, target);
      const verbs = (await front.calls()).map((line) => line.split(" ")[1]);
      expect(verbs.filter((verb) => verb === "define")).toHaveLength(1);
      expect((await front.calls()).join("\n")).not.toContain(domain.password);
    });

    it("gives devices that have a place in the order of boot another one", async () => {
      const other = await front.define("order");
      try {
        const driver = open({ domain: other.name });
        for (const device of ["network", "disk", "network"] as const) {
          await driver.setBoot?.(ctx, { device, persistent: true, firmware: "bios" });
          expect(await driver.boot?.(ctx)).toMatchObject({ device });
        }
        const places = (await libvirtd.virsh("dumpxml", other.uuid)).match(/<boot order='\d'\/>/g);
        expect(places).toEqual(["<boot order='2'/>", "<boot order='1'/>"]);
        await driver.set(ctx, "on");
        expect(await driver.state(ctx)).toBe("on");
      } finally {
        await front.remove(other);
      }
    });

    it("asks once for the list of domains, and for their MACs", async () => {
      const kept = createKeeper().of("h");
      for (const by of [domain.name, domain.uuid, domain.mac]) {
        expect(await open({ domain: by }, { kept }).state(ctx)).toBe("off");
      }
      const verbs = (await front.calls()).map((line) => line.split(" ")[1]);
      expect(verbs).toEqual(["list", "domstate", "domstate", "echo", "domstate"]);
    });

    it("counts a paused domain as on, and one with saved memory boots from no network", async () => {
      await libvirtd.virsh("start", domain.uuid);
      await libvirtd.virsh("suspend", domain.uuid);
      const driver = open();
      expect(await driver.state(ctx)).toBe("on");
      await driver.set(ctx, "on");
      await libvirtd.virsh("managedsave", domain.uuid);
      expect(await driver.state(ctx)).toBe("off");
      const target = { device: "network", persistent: true, firmware: "bios" } as const;
      await expect(driver.setBoot?.(ctx, target)).rejects.toThrow(/managedsave-remove/);
    });

    it.for([
      { when: "the domain is not there", more: { domain: "nobody" }, code: "POWER_SYSTEM_UNKNOWN" },
      { when: "its user is not let in", more: {}, fault: "denied", code: "POWER_NOT_ALLOWED" },
      { when: "nobody listens", more: { uri: "qemu+tcp://127.0.0.1:9/system" }, code: "POWER_UNREACHABLE" },
    ])("says $code when $when", async ({ more, fault = "none", code }) => {
      await front.fault(fault);
      await expect(open(more).state(ctx)).rejects.toMatchObject({ code });
    });

    it("reads what libvirt's own test driver writes", async () => {
      const mac = "aa:bb:cc:dd:ee:ff";
      for (const by of ["test", mac]) {
        const driver = open({ uri: "test:///default", domain: by });
        expect(await driver.state(ctx)).toBe("on");
        expect(await driver.identity?.(ctx)).toMatchObject({ macs: [mac] });
        await driver.setBoot?.(ctx, { device: "network", persistent: true, firmware: "bios" });
        // Each virsh has a test driver of its own: what it was told is gone with it.
        expect(await driver.boot?.(ctx)).toMatchObject({ device: "disk" });
      }
    });

    it("hides the passwords of a definition that libvirt refuses and shows", async () => {
      await front.fault("refuses");
      const driver = open();
      const error = await driver
        .setBoot?.(ctx, { device: "network", persistent: true, firmware: "bios" })
        .then(() => expect.fail("it took it"), String);
      expect(error).toMatch(/Failed to define domain.*\*\*\*/);
      expect(error).not.toContain(domain.password);
    });

    it("tells what libvirt says of a start that fails, and does not take it for a login", async () => {
      await libvirtd.virsh("attach-disk", domain.uuid, "/root/none/x.img", "hdb", "--config");
      await expect(open().set(ctx, "on")).rejects.toMatchObject({
        code: "POWER_ODD_REPLY",
        message: expect.stringMatching(/Failed to start domain .*(Permission denied|No such file)/),
      });
    });

    it("is run on another host, through its sshd", async () => {
      const jump = await bootHost();
      vi.stubEnv("PATH", `${jump.path}:${process.env["PATH"]}`);
      const elsewhere = createElsewhere();
      const via = "ssh://boothost";
      const driver = open({ via }, { runOn: (host) => elsewhere.on(host ?? sshHost(via)) });
      try {
        await driver.set(ctx, "on");
        expect(await driver.state(ctx)).toBe("on");
        await driver.setBoot?.(ctx, { device: "network", persistent: true, firmware: "bios" });
        expect(await inactive()).toContain(`passwd='${domain.password}'`);
        expect(await driver.boot?.(ctx)).toMatchObject({ device: "network" });
        expect((await jump.starts()).join("\n")).not.toContain(domain.password);
      } finally {
        await elsewhere.close();
        await jump.end();
      }
    });
  });
});
