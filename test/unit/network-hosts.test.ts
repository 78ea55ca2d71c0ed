import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { listHosts, writeHost } from "../../provider/services/dnsmasq/hosts.ts";
import { openHosts } from "../../provider/site/local/network/hosts.ts";
import { rangeOf } from "../../provider/site/local/network/range.ts";
import { networksOf } from "../../provider/site/networks.ts";
import { SiteSettings } from "../../provider/site/settings.ts";

const mac = "52:54:00:00:00:07";
const card = { mac, name: "rack1-u7-eth0" };
const ctx = newContext();

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "hosts-"));
});
afterEach(() => rm(dir, { recursive: true }));

function hostsWith(more: Record<string, unknown>) {
  const own = { network: "10.99.0.0/24", address: "10.99.0.1" };
  const [network] = networksOf(SiteSettings.parse({ stateDir: dir, cacheDir: dir, ...own, ...more }));
  const range = async () => {
    const found = await rangeOf(ctx, network);
    if (!found) throw new Error("no network");
    return found;
  };
  return openHosts({ network, dir, leaseFile: join(dir, "leases"), range });
}

describe("a card that may boot is, for DHCP,", () => {
  it.for<{ when: string; settings: Record<string, unknown>; address?: string; ip: string | undefined }>([
    { when: "with an address of ours", settings: {}, ip: "10.99.0.2" },
    { when: "never with the router's", settings: { router: "10.99.0.2" }, ip: "10.99.0.3" },
    { when: "with its own fixed one", settings: {}, address: "10.99.0.7", ip: "10.99.0.7" },
    {
      when: "with that one for the lines of another server",
      settings: { dhcp: "external" },
      address: "10.99.0.7",
      ip: "10.99.0.7",
    },
    {
      when: "without any beside another server",
      settings: { dhcp: "proxy" },
      address: "10.99.0.7",
      ip: undefined,
    },
  ])("$when", async ({ settings, address, ip }) => {
    const hosts = hostsWith(settings);
    await hosts.admit(ctx, [{ ...card, address }]);
    expect(await listHosts(dir)).toEqual([{ ...card, ...(ip === undefined ? {} : { ip }) }]);
    expect(await hosts.notAdmitted(ctx, [{ ...card, address }])).toEqual([]);
  });

  it("without the address of the time when DHCP was ours alone, once it is a proxy", async () => {
    await writeHost(dir, { ...card, ip: "10.99.0.7" });
    const hosts = hostsWith({ dhcp: "proxy" });
    await hosts.admit(ctx, [card]);
    expect(await listHosts(dir)).toEqual([card]);
    expect(await hosts.addressOf(mac)).toBeUndefined();
  });

  it.for([
    { dhcp: "managed", missing: 1 },
    { dhcp: "proxy", missing: 1 },
    { dhcp: "external", missing: 0 },
  ])("missed where DHCP is ours to tell: $dhcp", async ({ dhcp, missing }) => {
    expect(await hostsWith({ dhcp }).notAdmitted(ctx, [card])).toHaveLength(missing);
  });
});
