import { describe, expect, it, vi } from "vitest";
import type { Dnsmasq } from "../../provider/services/dnsmasq/index.ts";
import { openDhcp } from "../../provider/site/local/network/dhcp.ts";

/** Something that serves until it is given up. */
function served() {
  let giveUp = () => {};
  const ended = new Promise<undefined>((resolve) => {
    giveUp = () => resolve(undefined);
  });
  const one: Dnsmasq = {
    pid: () => 1,
    refresh: async () => {},
    ended,
    stop: vi.fn(async () => giveUp()),
  };
  return { one, giveUp };
}

describe("a site's DHCP", () => {
  it("that was given up is begun anew, once, when the next deployment needs it", async () => {
    const all = [served(), served()] as const;
    const start = vi.fn<() => Promise<Dnsmasq>>();
    start.mockResolvedValueOnce(all[0].one).mockResolvedValueOnce(all[1].one);
    const dhcp = await openDhcp(start);
    await dhcp.ensure();
    expect(start).toHaveBeenCalledTimes(1);
    all[0].giveUp();
    await all[0].one.ended;
    await Promise.all([dhcp.ensure(), dhcp.ensure()]);
    await dhcp.ensure();
    expect(start).toHaveBeenCalledTimes(2);
    await dhcp.stop();
    expect([all[0].one.stop, all[1].one.stop].map((stop) => vi.mocked(stop).mock.calls.length)).toEqual([
      0, 1,
    ]);
  });

  it("that cannot be begun anew says why, and is tried again", async () => {
    const first = served();
    const start = vi.fn<() => Promise<Dnsmasq>>();
    start.mockResolvedValueOnce(first.one).mockRejectedValueOnce(new Error("the port is taken"));
    start.mockResolvedValueOnce(served().one);
    const dhcp = await openDhcp(start);
    first.giveUp();
    await first.one.ended;
    await expect(dhcp.ensure()).rejects.toThrow("the port is taken");
    await dhcp.ensure();
    expect(start).toHaveBeenCalledTimes(3);
  });
});
