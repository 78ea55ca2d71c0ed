import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { createLeaving } from "../../provider/pulumi/dynamic/leaving.ts";
import type { Operation, Site } from "../../provider/site/site.ts";

const web = { owner: "org/shop/prod", name: "web" };

function helper(answer: () => Promise<object> = async () => ({})) {
  const asked: Operation[] = [];
  const perform: Site["perform"] = async (_, operation) => {
    asked.push(operation);
    return (await answer()) as Record<string, unknown>;
  };
  const site = vi.fn(async () => ({ perform }) as Site);
  return { asked, site };
}

describe("a provider that is told to end", () => {
  it("tells the helper of what it still waits for, and of nothing that has come to its end", async () => {
    const [{ asked, site }, leaving] = [helper(), createLeaving()];
    await leaving.waiting({ ...web, name: "done" }, async () => {});
    await leaving.waiting({ ...web, name: "failed" }, () => Promise.reject(new Error("no"))).catch(() => {});
    void leaving.waiting(web, () => new Promise(() => {}));
    await leaving.leave(newContext(), site);
    expect(asked).toEqual([{ kind: "detach", owner: web.owner, instance: "web" }]);
  });

  it("with nothing to wait for asks nobody: every run of Pulumi ends like this", async () => {
    const { site } = helper();
    await createLeaving().leave(newContext(), site);
    expect(site).not.toHaveBeenCalled();
  });

  it.for([
    { when: "the helper is gone", answer: () => Promise.reject(new Error("ECONNREFUSED")), at: 0 },
    { when: "the helper hangs", answer: () => new Promise<object>(() => {}), at: 4_000 },
  ])("ends before Pulumi kills it when $when", async ({ answer, at }) => {
    const [{ site }, leaving] = [helper(answer), createLeaving()];
    void leaving.waiting(web, () => new Promise(() => {}));
    let now = 0;
    const sleep = async (ms: number) => {
      await pause(20); // for whoever is quicker
      now += ms;
    };
    const clock = { now: () => now, sleep };
    await leaving.leave(newContext({ clock }), site);
    expect(now).toBe(at);
  });
});
