import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { newContext } from "../../../provider/kernel/context.ts";
import { createChassis } from "../../fixtures/bmc/chassis.ts";
import type { BmcOptions } from "../../fixtures/bmc/controller.ts";
import { startBmc } from "../../fixtures/bmc/listen.ts";
import { commandLine } from "../../fixtures/command-line.ts";
import { freePort } from "../site/boot-host.ts";
import { controllers } from "./redfish/controllers.ts";
import { account, facts } from "./redfish/kind.ts";

const { start, tls } = controllers();
const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function bmc(options: Partial<BmcOptions> = {}): Promise<number> {
  const own = await startBmc({ ...account, machine: createChassis().machine, ...options });
  stops.push(own.close);
  return own.port;
}

/** What `power probe` says of these ports. */
function probing({
  password = account.password,
  ...ports
}: {
  https?: number;
  ipmi?: number;
  password?: string;
}) {
  const command = commandLine({
    ctx: newContext(),
    env: (name) => (name === "BAREMETAL_POWER_PASSWORD" ? password : undefined),
  });
  return (...words: readonly string[]) => {
    const at = ["--https-port", `${ports.https ?? 9}`, "--ipmi-port", `${ports.ipmi ?? 9}`];
    return command.run("power", "probe", "127.0.0.1", ...at, ...words);
  };
}
const asUser = ["--user", account.user];

describe("power probe", () => {
  it("tells who answers without a login, and sends none", async () => {
    const machine = await start();
    const { out } = await probing({ https: machine.port, ipmi: await bmc() })();
    expect(out).toMatch(/^Redfish +yes: .*Redfish 1\./m);
    expect(out).toContain(tls().fingerprint);
    expect(out).toMatch(/^IPMI +yes: cipher suites 17 and 3$/m);
    expect(out).toContain("With --user NAME it is tried");
    expect(machine.logins()).toBe(0);
  });

  it("prints the settings of Redfish with what was shown as its certificate, and leaves no session", async () => {
    const machine = await start();
    const { out } = await probing({ https: machine.port, ipmi: await bmc() })(...asUser);
    expect(out).toMatch(/^login +admin is let in/m);
    expect(out).toMatch(new RegExp(`^server +off, .*${facts.SerialNumber}`, "m"));
    expect(out).toMatch(/^resets +On, ForceOff/m);
    expect(out).toContain(
      `power: {\n  driver: "redfish",\n  address: "127.0.0.1:${machine.port}",\n  user: "admin",`,
    );
    expect(out).toContain(`  fingerprint: "${tls().fingerprint}",\n},`);
    expect(out).not.toContain(account.password);
    expect(machine.sessions()).toBe(0);
    expect(machine.power()).toBe("Off");
  });

  it("prints the settings of IPMI where there is no Redfish", async () => {
    const ipmi = await bmc({ speaks: [3], privilege: 3 });
    const { out } = await probing({ ipmi })(...asUser);
    expect(out).toMatch(/^Redfish +no: ECONNREFUSED$/m);
    expect(out).toMatch(/^IPMI +yes: cipher suites 3$/m);
    expect(out).toMatch(/^login +admin is let in, up to OPERATOR$/m);
    expect(out).toContain(
      `power: {\n  driver: "ipmi",\n  address: "127.0.0.1",\n  port: ${ipmi},\n  user: "admin",\n  password: config`,
    );
  });

  it("tries a wrong password once at each, and says what is the matter", async () => {
    const machine = await start();
    const { out } = await probing({ https: machine.port, ipmi: await bmc(), password: "7Yzn" })(...asUser);
    expect(out.match(/admin is not let in/g)).toHaveLength(2);
    expect(out).toContain("This account switches nothing there.");
    expect(out).not.toContain("7Yzn");
    expect(machine.logins()).toBe(1);
  });

  it("tells a web server from Redfish, and nobody from somebody", async () => {
    const { out } = await probing({})();
    expect(out).toContain("Nobody answers there who could switch a server.");
    const plain = createServer((socket) => socket.end("HTTP/1.1 200 OK\r\n\r\n")).listen(0, "127.0.0.1");
    await once(plain, "listening");
    stops.push(() => plain.close());
    const { port } = plain.address() as { port: number };
    expect((await probing({ https: port })()).out).toMatch(/^Redfish +no: \S/m);
  });

  it("prints the same for programs", async () => {
    const { out } = await probing({ ipmi: await bmc() })(...asUser, "--json");
    expect(JSON.parse(out)).toMatchObject({
      redfish: { missing: "ECONNREFUSED" },
      ipmi: { suites: [17, 3], privilege: "ADMINISTRATOR", power: "off" },
      power: { driver: "ipmi", address: "127.0.0.1", user: "admin" },
    });
  });

  it("refuses what is no port", async () => {
    const { code } = await probing({ https: await freePort() })("--ipmi-port", "many");
    expect(code).toBe("PORT_FAULTY");
  });
});
