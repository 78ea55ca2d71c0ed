import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createConduct } from "../../../../provider/drivers/power/conduct/index.ts";
import { openPower } from "../../../../provider/drivers/power/index.ts";
import { newContext } from "../../../../provider/kernel/context.ts";
import { lineLogger } from "../../../../provider/kernel/log.ts";
import { startUdpWire, type UdpWireOptions } from "../../../lab/faults/udp.ts";
import { lent } from "../lent.ts";
import { type Agent, readers, secrets, startAgent, withSnmpd } from "./agent.ts";
import { byUser, settings } from "./peer.ts";
import { failed, forged } from "./wire.ts";

const ctx = newContext();
const base = "1.3.6.1.4.1.1718.3.2.3.1";

withSnmpd("snmp-pdu behind net-snmp's agent", () => {
  let agent: Agent;
  const stops: (() => void)[] = [];
  beforeAll(async () => {
    agent = await startAgent();
  });
  beforeEach(() => agent.reset());
  afterEach(() => {
    for (const stop of stops.splice(0)) stop();
  });
  afterAll(() => agent.stop());

  const open = (more?: object, port = agent.port) => openPower(settings(port, more), lent());
  const wireOf = async (options: UdpWireOptions) => {
    const wire = await startUdpWire(agent.port, options);
    stops.push(wire.stop);
    return wire;
  };
  const sent = async () =>
    (await agent.orders())
      .filter(({ order }) => order !== "look")
      .map(({ order, outlet }) => `${order} ${outlet}`);

  it.for([
    { how: "v1", more: { version: "v1", community: secrets.community } },
    { how: "v3 without a context of its own", more: { ...byUser, context: "" } },
    {
      how: "objects of one's own",
      more: {
        ...{ model: undefined, version: "v1", community: secrets.community },
        oids: { on: `.${base}.11.1.1.{outlet}`, onValue: 1, offValue: 2, state: `${base}.5.1.1`, isOff: [0] },
      },
    },
  ])("switches by $how", async ({ more }) => {
    const { driver } = open(more);
    await driver.set(ctx, "on");
    expect([await driver.state(ctx), await agent.outlet(1)]).toEqual(["on", "on"]);
    await driver.set(ctx, "off");
    expect([await driver.state(ctx), await agent.outlet(1)]).toEqual(["off", "off"]);
  });

  it("looks by the community that may read alone, and switches by the other", async () => {
    const { driver } = open({ community: secrets.community, readCommunity: readers.community });
    await driver.set(ctx, "on");
    expect(await driver.state(ctx)).toBe("on");
    const silent = open({ community: secrets.community, readCommunity: "nobody" }).driver;
    await silent.set(ctx, "off");
    await expect(silent.state(ctx)).rejects.toMatchObject({ code: "POWER_UNREACHABLE" });
    expect(await sent()).toEqual(["on 1", "off 1"]);
  });

  it("switches all outlets that feed a server, one after another, and no other", async () => {
    const { driver } = open({ ...byUser, outlets: ["1", "1.1.3"] });
    await driver.set(ctx, "on");
    await driver.set(ctx, "off");
    expect(await sent()).toEqual(["on 1", "on 3", "off 1", "off 3"]);
  });

  describe("of which two feed one server", () => {
    let second: Agent;
    beforeAll(async () => {
      second = await startAgent();
    });
    beforeEach(() => second.reset());
    afterAll(() => second.stop());
    const power = (port: number) => {
      const also = [{ address: "127.0.0.1", port, outlets: ["2"] }];
      return createConduct({ gap: "1 ms", rest: "1 ms" }).around(open({ ...byUser, also }));
    };
    const fed = async () => [await agent.outlet(1), await second.outlet(2)];

    it("switches both, takes it for on as long as one feeds it, and goes on from there", async () => {
      const both = power(second.port);
      await both.ensure(ctx, "on");
      expect(await fed()).toEqual(["on", "on"]);
      await agent.turn(1, "off");
      expect(await both.state(ctx)).toBe("on");
      await both.ensure(ctx, "off");
      expect(await fed()).toEqual(["off", "off"]);
    });

    it("takes no server for off of which one does not tell, and names that one", async () => {
      const { port } = await wireOf({ meddle: () => "swallow" });
      const { state, reason } = await power(port).look(ctx);
      expect(state).toBe("unknown");
      expect(reason?.message).toContain(`127.0.0.1:${port}`);
    });
  });

  it.for(["on", "off"] as const)(
    "takes a server for on as long as one outlet feeds it, says so, and switches it %s for good",
    async (to) => {
      const said: string[] = [];
      const log = { ...ctx, log: lineLogger((line) => said.push(line)) };
      const power = createConduct({ gap: "1 ms", rest: "1 ms" }).around(
        open({ ...byUser, outlets: ["1", "2"] }),
      );
      await agent.turn(2, "on");
      expect(await power.state(log)).toBe("on");
      expect(said.join()).toContain("only some of the outlets");
      await power.ensure(log, to);
      expect([await agent.outlet(1), await agent.outlet(2)]).toEqual([to, to]);
    },
  );

  it("explains its silence to an unknown community, to another key, and to another way to encrypt", async () => {
    const rows = [
      { more: { community: "nobody" }, says: /silent.* community/ },
      { more: { ...byUser, privPassword: "another-one" }, says: /privPassword/ },
      { more: { ...byUser, privProtocol: "aes256b" }, says: /privProtocol/ },
    ];
    const silent = async ({ more, says }: (typeof rows)[number]) => {
      const error = await open(more)
        .driver.state(ctx)
        .catch((reason: Error) => reason);
      expect(error).toMatchObject({ code: "POWER_UNREACHABLE", message: expect.stringMatching(says) });
    };
    await Promise.all(rows.map(silent));
  });

  it.for([
    { who: "a user that it does not know", more: { ...byUser, user: "nobody" }, code: "POWER_DENIED" },
    { who: "another way to prove", more: { ...byUser, authProtocol: "sha" }, code: "POWER_DENIED" },
    {
      who: "a user who proves too little",
      more: { ...byUser, privPassword: undefined },
      code: "POWER_NOT_ALLOWED",
    },
    { who: "a user who may only read", more: { ...byUser, user: readers.user }, code: "POWER_NOT_ALLOWED" },
    { who: "readers, by v2c", more: { community: readers.community }, code: "POWER_NOT_ALLOWED" },
    { who: "readers, by v1", more: { community: readers.community, version: "v1" }, code: "POWER_ODD_REPLY" },
    {
      who: "an outlet that it lacks, by v1",
      more: { outlets: ["9"], version: "v1" },
      code: "POWER_ODD_REPLY",
    },
    { who: "an outlet that it lacks, by v2c", more: { outlets: ["9"] }, code: "POWER_ODD_REPLY" },
    { who: "a unit that it lacks, by v3", more: { ...byUser, outlets: ["4.1.1"] }, code: "POWER_ODD_REPLY" },
    { who: "a name that nobody has", more: { address: "pdu.invalid" }, code: "POWER_UNREACHABLE" },
  ])("says $code to $who", async ({ more, code }) => {
    const failure = open({ version: "v2c", ...community(more), ...more }).driver.set(ctx, "on");
    await expect(failure).rejects.toMatchObject({ code });
    expect(await sent()).toEqual([]);
  });

  it.for([
    { status: 5, code: "POWER_BUSY" },
    { status: 13, code: "POWER_BUSY" },
    { status: 6, code: "POWER_NOT_ALLOWED" },
    { status: 1, code: "POWER_ODD_REPLY" },
    { status: 99, code: "POWER_ODD_REPLY" },
  ])("says $code for the error status $status", async ({ status, code }) => {
    const wire = await wireOf({ meddle: (packet) => ({ answer: failed(packet, status) }) });
    await expect(open(undefined, wire.port).driver.state(ctx)).rejects.toMatchObject({ code });
  });

  it("tells nobody the community that comes back damaged", async () => {
    const wire = await wireOf({
      meddle: (packet) => ({
        answer: Buffer.from(packet.toString("latin1").replace("wrEx", "wrEy"), "latin1"),
      }),
    });
    const error = await open(undefined, wire.port)
      .driver.state(ctx)
      .catch((reason: Error) => reason);
    expect(error).toMatchObject({ code: "POWER_PACKET_LOSS" });
    for (let at: unknown = error; at instanceof Error; at = at.cause)
      expect(at.message + at.stack).not.toMatch(/Hjq8/);
  });

  it("believes nobody on the way who has no key", async () => {
    // outletStatus of outlet 1, as BER has it: 1718 takes two bytes.
    const object = [0x2b, 6, 1, 4, 1, 0x8d, 0x36, 3, 2, 3, 1, 5, 1, 1, 1];
    let asked = 0;
    // The first question is whom it talks with.
    const liar = () =>
      wireOf({ meddle: (packet) => (asked++ === 0 ? "pass" : { answer: forged(packet, object, 1) }) });
    await expect(open(byUser, (await liar()).port).driver.state(ctx)).rejects.toMatchObject({
      code: "POWER_UNREACHABLE",
    });
    expect(asked).toBeGreaterThan(1);
    // Who has asked for no proof gets none: the forgery is a good one.
    asked = 0;
    const trusting = { ...byUser, authPassword: undefined, privPassword: undefined };
    expect(await open(trusting, (await liar()).port).driver.state(ctx)).toBe("on");
  });

  describe("in bad weather", () => {
    // Every way has the same fates in each run. One that turns bits is v3's alone: nothing else on this way has a checksum.
    it.for([
      { weather: { lose: 0.3 }, more: byUser },
      { weather: { duplicate: 0.5, reorder: 0.5 }, more: byUser },
      { weather: { delay: "40 ms", duplicate: 0.5 }, more: undefined },
      { weather: { corrupt: 0.1 }, more: byUser },
    ] as const)("ends where it should: $weather", async ({ weather, more }) => {
      const wire = await wireOf({ weather, seed: 3 });
      const rules = {
        gap: "1 ms",
        gapAfterError: "1 ms",
        rest: "1 ms",
        poll: "20 ms",
        backoff: "1 ms",
        tries: 4,
      } as const;
      const power = createConduct(rules).around(open(more, wire.port));
      for (const to of ["on", "off", "on"] as const) {
        await power.ensure(ctx, to);
        expect(await agent.outlet(1)).toBe(to);
      }
    });
  });
});

const community = (more: object) => ("user" in more ? {} : { community: secrets.community });
