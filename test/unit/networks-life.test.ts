import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { keepServed } from "../../provider/site/local/network/life.ts";
import type { OneNetwork } from "../../provider/site/local/network/one.ts";

describe("a network that is looked at", () => {
  const kept = () => {
    const log: string[] = [];
    const slowly = async (what: string) => {
      log.push(`${what} begins`);
      await pause(20);
      log.push(`${what} ends`);
    };
    const one: Partial<OneNetwork> = {
      facts: { interface: "lo", dhcp: "external" } as OneNetwork["facts"],
      known: async () => ({ address: "127.0.0.1" }) as never,
      open: () => slowly("open"),
      problems: async () => {
        await slowly("look");
        return [];
      },
    };
    return { log, network: keepServed(newContext(), one as OneNetwork, async () => {}) };
  };

  it("is not opened meanwhile: the look would find us on our own port", async () => {
    const { log, network } = kept();
    const ctx = newContext();
    await Promise.all([network.open(ctx), network.problems(ctx), network.open(ctx)]);
    const turns = ["open", "look", "open"].flatMap((what) => [`${what} begins`, `${what} ends`]);
    expect(log).toEqual(turns);
  });

  it("is looked at once for all who ask meanwhile, and again for who asks later", async () => {
    const { log, network } = kept();
    const gone = new AbortController();
    const asking = [newContext({ signal: gone.signal }), newContext()].map((ctx) => network.problems(ctx));
    gone.abort();
    expect(await Promise.all(asking)).toEqual([[], []]);
    await network.problems(newContext());
    expect(log.filter((line) => line === "look begins")).toHaveLength(2);
  });
});
