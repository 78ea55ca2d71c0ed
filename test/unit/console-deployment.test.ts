import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { readConsole } from "../../provider/site/local/console-reading.ts";
import { type OneServer, openOneServer } from "../fixtures/one-server.ts";
import { ref } from "../fixtures/site-parts.ts";
import { partly } from "../fixtures/site-world.ts";

let one: OneServer;
beforeEach(async () => {
  one = await openOneServer();
});
afterEach(() => one.site.close());

async function logOf(collection: "instances" | "nodes", name: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const { from, text } of readConsole(newContext(), one.site.parts, collection, name))
    lines.push(`${from}: ${text}`);
  return lines;
}

describe("the console log of an instance", () => {
  it("tells what was done, what its ramdisk said and what DHCP heard, each once, and no secret", async () => {
    const { site, server } = one;
    const [mac, ip] = [server.mac, "10.99.0.7"];
    site.writing.mockImplementation(async () => {
      site.parts.switchboard.saw({ mac }, { kind: "ack", mac, ip });
      site.parts.switchboard.saw({ mac }, { kind: "sent", file: "pxelinux.0", ip });
      site.parts.switchboard.saw({ mac: "52:54:00:00:00:99" }, { kind: "ack", mac, ip });
    });
    // `pw-1234` is its controller's password, `hunter22` stands in its user data.
    await site.store.put("nodes", {
      ...((await site.store.get("nodes", "n1")) as never as object),
      ref: ref("n1"),
      spec: { ...(await site.store.get("nodes", "n1"))?.spec, power: { ...power(), password: "pw-1234" } },
    } as never);
    server.says = "BAREMETAL up @3.2\n\x1b[31mpw-1234\x1b[0m\npassword: hunter22";
    await one.install({ userData: "#cloud-config\npassword: hunter22\n" });
    const log = await logOf("instances", "web-1");
    expect(log).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^helper: deployment \S+ on node n1$/),
        "helper: powering on",
        expect.stringMatching(/^helper: power on: done after \d/),
        "ramdisk: BAREMETAL up @3.2",
        "dhcp: DHCP gave it 10.99.0.7",
        "tftp: it fetched pxelinux.0",
      ]),
    );
    expect(log.filter((line) => line.startsWith("ramdisk"))).toEqual([
      "ramdisk: BAREMETAL up @3.2",
      "ramdisk: [secret]",
    ]);
    const key = (await site.store.deployment("web-1"))?.record.key ?? "";
    for (const secret of ["pw-1234", "hunter22", key]) expect(log.join("\n")).not.toContain(secret);
  });

  it("ends an error with what the server itself said last, five lines at most, and stays to be read", async () => {
    const { server, make } = one;
    server.says = Array.from({ length: 9 }, (_, n) => `line ${n} ${"x".repeat(300)}`).join("\n");
    server.complains = "no disk qualifies";
    const { message, record } = await partly(make(undefined, {}));
    expect(record.said).toEqual([4, 5, 6, 7, 8].map((n) => `line ${n} ${"x".repeat(153)}`));
    expect(message).toContain("[DEPLOY_RAMDISK_FAILED]\nThe last lines of its console log:\n  line 4 xxx");
    expect((await logOf("instances", "web-1")).at(-1)).toMatch(
      /^helper: call-back: failed after .*no disk qualifies/,
    );
  });

  it("is gone with the instance, and nobody's before there is one", async () => {
    const state = await one.install();
    expect((await logOf("instances", "web-1")).length).toBeGreaterThan(5);
    await one.site.instances.remove(one.site.ctx, ref("web-1"), { state });
    await expect(logOf("instances", "web-1")).rejects.toMatchObject({ code: "SITE_UNKNOWN_REFERENCE" });
    await one.install();
    expect((await logOf("instances", "web-1"))[0]).toMatch(/^helper: deployment/);
    await expect(logOf("instances", "web-9")).rejects.toMatchObject({ code: "SITE_UNKNOWN_REFERENCE" });
    expect(await logOf("nodes", "n1")).toEqual([]);
  });
});

const power = () => ({
  driver: "ipmi",
  address: "10.0.0.1",
  port: 623,
  user: "admin",
  privilege: "OPERATOR",
  cipherSuite: "probe",
});
