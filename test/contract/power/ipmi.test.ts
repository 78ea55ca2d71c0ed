import { describe, expect, it } from "vitest";
import { newContext } from "../../../provider/kernel/context.ts";
import { admin, password, peerOf } from "./ipmi-peer.ts";
import { ipmiControllers } from "./ipmi-start.ts";
import { obeysPowerContract } from "./suite.ts";

const ctx = newContext();

obeysPowerContract("ipmi by our own client against ipmi_sim", () => peerOf());
obeysPowerContract("ipmi by ipmitool against ipmi_sim", () => peerOf({ client: "ipmitool" }));

describe.each(["native", "ipmitool"] as const)("ipmi by the client %s", (client) => {
  const controllers = ipmiControllers(client);
  const { start } = controllers;
  const open: typeof controllers.open = (...words) => controllers.open(...words);

  it("takes suite 3 of a controller that is silent to 17", async () => {
    const { wire } = await start();
    wire.fault = "silent to suite 17";
    const kept = new Map<string, string>();
    await expect(open(wire.port, {}, kept).state(ctx)).resolves.toBe("off");
    expect(kept).toEqual(new Map([["ipmi-cipher-suite", "3"]]));
  });

  it("says POWER_CIPHER when the controller refuses the suite that it was told to take", async () => {
    const { sim } = await start();
    const driver = open(sim.port, { cipherSuite: 17 });
    await expect(driver.state(ctx)).rejects.toMatchObject({ code: "POWER_CIPHER" });
  });

  it("takes a key of any bytes", async () => {
    const bytes = Buffer.from("6b80ff8188850a660a0d257a5c27220a", "hex");
    const { sim } = await start({ kg: "plainKey" });
    await expect(open(sim.port, { kg: "plainKey" }).state(ctx)).resolves.toBe("off");
    await expect(open(sim.port, { kg: "otherKey" }).state(ctx)).rejects.toMatchObject({ code: "POWER_KG" });
    await expect(open(sim.port).state(ctx)).rejects.toMatchObject({ code: "POWER_KG" });
    const { sim: binary } = await start({ kg: Buffer.from("6b80ff81888566017a", "hex").toString("latin1") });
    await expect(open(binary.port, { kg: "0x6b80ff81888566017a" }).state(ctx)).resolves.toBe("off");
    await expect(open(binary.port, { kg: `0x${bytes.toString("hex")}` }).state(ctx)).rejects.toMatchObject({
      code: "POWER_KG",
    });
  });

  it("takes an empty password without asking a terminal for one", async () => {
    const { sim } = await start({ users: [{ ...admin, password: "" }] });
    await expect(open(sim.port, { password: "" }).state(ctx)).resolves.toBe("off");
  });

  it("takes a password of quotes, dollars and percents", async () => {
    // ipmi_sim keeps 16 bytes of a password, though IPMI 2.0 has 20.
    const odd = "'$(x)%s;|&<>*!=?";
    const { sim } = await start({ users: [{ ...admin, password: odd }] });
    await expect(open(sim.port, { password: odd }).state(ctx)).resolves.toBe("off");
  });

  it("tells an unknown user, an account that may only look, and a wrong password apart", async () => {
    const viewer = { name: "viewer", password, privilege: "user" } as const;
    const { sim } = await start({ users: [admin, viewer] });
    await expect(open(sim.port, { user: "nobody" }).state(ctx)).rejects.toThrow(
      /refuses the login of nobody: it knows no/,
    );
    await expect(open(sim.port, { password: "x" }).state(ctx)).rejects.toThrow(
      /of admin: the password is wrong/,
    );
    const looking = open(sim.port, { user: "viewer", privilege: "USER" });
    await expect(looking.state(ctx)).resolves.toBe("off");
    await expect(looking.set(ctx, "on")).rejects.toMatchObject({ code: "POWER_NOT_ALLOWED" });
    await expect(looking.state(ctx)).resolves.toBe("off");
  });

  it("outlives a lost packet", async () => {
    const { wire } = await start();
    wire.wire.there = { loseFirst: 1 };
    await expect(open(wire.port, { cipherSuite: 3 }).state(ctx)).resolves.toBe("off");
  });
});
