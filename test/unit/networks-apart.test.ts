import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { createSwitchboard } from "../../provider/site/local/calls.ts";
import { openNetwork } from "../../provider/site/local/network/index.ts";
import type { Network } from "../../provider/site/local/network/network.ts";
import { type FakeSite, openFakeSite, ref, specs } from "../fixtures/site-parts.ts";
import { addressOf, declare } from "../fixtures/site-world.ts";

const networks = [
  { interface: "lo", name: "here", cidr: "127.0.0.0/8", advertise: "127.0.0.1", dhcp: "external" },
  { interface: "gone0", name: "gone", cidr: "10.98.0.0/24", advertise: "10.98.0.1", dhcp: "external" },
];
const macs = ["52:54:00:00:00:01", "52:54:00:00:00:02"] as const;

let site: FakeSite;
let network: Network;
beforeEach(async () => {
  site = await openFakeSite({ networks, callbackPort: 49_151 });
  const { settings, switchboard } = { ...site.parts, switchboard: createSwitchboard() };
  const phoned = async () => ({ ok: false, reason: "unknown" }) as const;
  network = openNetwork(newContext(), { settings, switchboard, phoned, tftpRoot: "/none", asked: () => {} });
  const { ranges, together, problems } = network;
  Object.assign(site.parts.network, { ranges, together, problems });
});
afterEach(async () => {
  await network.close();
  await site.close();
});

const card = (index: 0 | 1, physicalNetwork: string, mac: string = macs[index]) =>
  [ref(`n1-eth${index}`), specs.card("n1", mac, { physicalNetwork })] as const;
/** What a preview says of both cards. */
async function preview(...cards: readonly ReturnType<typeof card>[]) {
  const told = [];
  for (const [of, spec] of cards)
    told.push(...(await site.interfaces.plan(site.ctx, of, spec, { run: "1", dryRun: true })).failures);
  return told.map(({ property, reason }) => `${property}: ${/\[(\w+)\]$/.exec(reason)?.[1]}`);
}

describe("the cards of one server", () => {
  it("are refused at preview in two networks, with all else that is wrong of them", async () => {
    await site.nodes.ensure(site.ctx, ref("n1"), specs.node(addressOf("n1")));
    expect(await preview(card(0, "here"), card(1, "gone", macs[0]))).toEqual([
      "mac: INTERFACE_MAC_TAKEN",
      "physicalNetwork: NETWORK_CARDS_APART",
    ]);
  });

  it("may all move to another network in one program", async () => {
    await site.nodes.ensure(site.ctx, ref("n1"), specs.node(addressOf("n1")));
    for (const [of, spec] of [card(0, "gone"), card(1, "gone")])
      await site.interfaces.ensure(site.ctx, of, spec);
    expect(await preview(card(0, "here"), card(1, "here"))).toEqual([]);
  });
});

describe("an instance", () => {
  const planOf = async (more: object) => {
    const spec = specs.instance({ node: "n1", ...more });
    const { failures } = await site.instances.plan(site.ctx, ref("web"), spec, { run: "1", dryRun: true });
    return failures.map(({ property, reason }) => `${property}: ${/\[(\w+)\]$/.exec(reason)?.[1]}`);
  };

  it.for([
    { when: "in both, before anything is done", interfaces: [], told: ["interfaces: NETWORK_CARDS_APART"] },
    { when: "in the one that is down", interfaces: ["n1-eth1"], told: [": SITE_NO_NETWORK"] },
    { when: "in the other one, which goes on, not", interfaces: ["n1-eth0"], told: [] },
  ])("is refused at preview on a server whose cards are $when", async ({ interfaces, told }) => {
    await site.nodes.ensure(site.ctx, ref("n1"), specs.node(addressOf("n1")));
    for (const [of, spec] of [card(0, "here"), card(1, "gone")])
      await site.interfaces.ensure(site.ctx, of, spec);
    await declare(site);
    expect(await planOf({ interfaces })).toEqual(told);
    expect((await network.states()).map(({ name, state }) => `${name}: ${state}`)).toEqual([
      "here: idle",
      "gone: down",
    ]);
  });
});
