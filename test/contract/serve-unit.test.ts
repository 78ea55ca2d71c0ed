import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, it, onTestFinished } from "vitest";
import { ServiceSettings } from "../../provider/serve/settings.ts";
import { unitOf } from "../../provider/serve/unit.ts";

const launch = { file: process.execPath, args: ["/opt/a b/main.js", "helper"], version: "1" };
const unit = (more: object = {}, file = "/etc/site.yaml") =>
  unitOf(ServiceSettings.parse({ stateDir: "/var/lib/b", cacheDir: "/var/cache/b", ...more }), file, launch);
const line = (text: string, key: string) => text.split("\n").find((one) => one.startsWith(`${key}=`));

describe("the systemd unit", () => {
  it.for([
    { when: "DHCP is ours", more: {}, are: "CAP_NET_BIND_SERVICE CAP_NET_ADMIN CAP_NET_RAW" },
    {
      when: "ours is beside another",
      more: { dhcp: "proxy" },
      are: "CAP_NET_BIND_SERVICE CAP_NET_ADMIN CAP_NET_RAW",
    },
    { when: "it is somebody else's", more: { dhcp: "external" }, are: "CAP_NET_RAW" },
    {
      when: "a port is low",
      more: { dhcp: "external", listen: { port: 443 } },
      are: "CAP_NET_BIND_SERVICE CAP_NET_RAW",
    },
    {
      when: "a low port is not used",
      more: { dhcp: "external", bootTransport: "tftp", bootPort: 80 },
      are: "CAP_NET_RAW",
    },
  ])("gives the capabilities that it takes, when $when", ({ more, are }) => {
    for (const key of ["AmbientCapabilities", "CapabilityBoundingSet"]) {
      expect(line(unit(more), key)).toBe(`${key}=${are}`);
    }
  });

  it("lets it write to its own folders alone, each named once", () => {
    expect(line(unit(), "ReadWritePaths")).toBe("ReadWritePaths=/var/lib/b /var/cache/b");
    const apart = unit({ tftpRoot: "/srv/tftp", cacheDir: "/var/lib/b" });
    expect(line(apart, "ReadWritePaths")).toBe("ReadWritePaths=/var/lib/b /srv/tftp");
  });

  it("starts this very program, whatever its path", () => {
    const text = unit({}, "/etc/100%/$x.yaml");
    expect(line(text, "ExecStart")).toBe(
      `ExecStart=${process.execPath} "/opt/a b/main.js" serve --settings /etc/100%%/$$x.yaml`,
    );
  });

  it("is one that systemd understands", async ({ skip }) => {
    const folder = await mkdtemp(join(tmpdir(), "unit-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, "pulumi-baremetal.service");
    /** What it says of this unit; whether there is the user is not the unit's. */
    async function faultsOf(text: string): Promise<readonly string[]> {
      await writeFile(file, text);
      const asked = await execa("systemd-analyze", ["verify", "--man=no", file], {
        ...{ reject: false, all: true },
      });
      if (asked.exitCode === undefined) return skip("there is no systemd-analyze on this host");
      const own = asked.all.split("\n").filter((one) => one.includes("pulumi-baremetal.service"));
      return own.filter((one) => !/user/i.test(one));
    }
    const good = unit({ tftpRoot: "/srv/tf tp" });
    expect(await faultsOf(good.replace("ProtectClock=", "ProtectClocks="))).toHaveLength(1);
    expect(await faultsOf(good)).toEqual([]);
  });
});
