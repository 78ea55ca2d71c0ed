import { describe, expect, it } from "vitest";
import { networkFindings } from "../../provider/cli/doctor-networks.ts";
import { newContext } from "../../provider/kernel/context.ts";
import { networkErrors } from "../../provider/site/local/network/errors.ts";
import { SiteSettings } from "../../provider/site/settings.ts";
import type { About, NetworkState } from "../../provider/site/site.ts";

const settingsOf = (more: object) =>
  SiteSettings.parse({ stateDir: "/none", cacheDir: "/none", callbackPort: 49_152, ...more });
const lo = { interface: "lo", cidr: "127.0.0.0/8", advertise: "127.0.0.1", dhcp: "external" };
const gone = { interface: "gone0", name: "rack-2", cidr: "10.98.0.0/24", dhcp: "proxy" };
const nobody = {
  about: async (): Promise<About> => {
    throw new Error("nobody listens");
  },
};

describe.skipIf(process.platform !== "linux")("of a site's networks the doctor tells", () => {
  const told = async (settings: SiteSettings, listening: { about: () => Promise<About> } = nobody) =>
    (await networkFindings(newContext(), settings, listening)).map(
      ({ name, verdict, found, purpose, remedy = "" }) =>
        `${verdict} ${name} (${purpose}): ${found} ${remedy}`,
    );

  it("which can be served by this host, and why one cannot, where no helper listens", async () => {
    const [first, second] = await told(settingsOf({ networks: [lo, gone] }));
    expect(first).toBe("present network lo (servers on lo, `dhcp: external`): can be served ");
    expect(second).toMatch(
      /^wrong network rack-2 \(servers on gone0, `dhcp: proxy`\): down the interface gone0 .* does not exist\. Give it/,
    );
  });

  it("what a helper that listens says of them, whose settings may be others", async () => {
    const { record: failure } = networkErrors.make("NETWORK_LINK_DOWN", { interface: "eth2" });
    const networks: NetworkState[] = [
      { name: "rack-1", interface: "eth1", dhcp: "managed", state: "served", since: "" },
      { name: "rack-2", interface: "eth2", dhcp: "managed", state: "down", since: "", failure },
    ];
    const about = async () => ({ siteId: "", version: "", pid: 1, settings: "", jobs: [], networks });
    expect(await told(settingsOf({ networks: [gone] }), { about })).toEqual([
      "present network rack-1 (servers on eth1, `dhcp: managed`): served ",
      expect.stringMatching(
        /^wrong network rack-2 .*: down this host's interface eth2 is down\. `ip link set/,
      ),
    ]);
  });

  it("nothing while none was described", async () => {
    expect(await told(settingsOf({}))).toEqual([]);
  });
});
