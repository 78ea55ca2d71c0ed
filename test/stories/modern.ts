import type { State } from "../../provider/site/site.ts";
import { buildDebianImage } from "../../tools/images/debian.ts";
import { imageCache } from "../../tools/images/index.ts";
import type { LabServer } from "../lab/lab/index.ts";
import { againstBlank, enter, makeKey, modernServer } from "../lab/modern.ts";
import { bootFilesOf, enrol, install, nameOn, stagesOf, type TestSite } from "../lab/site.ts";
import { part, play, type Scene, say } from "./lib/scene.ts";
import { check } from "./lib/story.ts";

// A stock Debian with cloud-init on a server of today: UEFI with Secure Boot, the NVMe among three disks, two cards as one
// bond with a VLAN on it. It phones home, is reached by the host key that it told, and is handed back clean.
// `npm run story -- modern`; about five minutes without KVM, after the image was made once.

const limits = { power: "10 seconds", callback: "4 minutes", answer: "15 minutes" } as const;
const image = await buildDebianImage(imageCache());
await play({ limits }, tell);

async function tell({ folder, lab, site }: Scene): Promise<void> {
  const server = await part("A server: UEFI, Secure Boot, three disks, two cards", async () => {
    const made = await lab.server(modernServer);
    say(`${made.name}  ${[made.mac, ...made.moreMacs].join(" ")}  off`);
    return made;
  });
  const key = await makeKey(folder);
  const state = await part("pulumi up: a stock Debian, told by cloud-init, that phones home", () =>
    deploy(site, server, key.text),
  );
  await part("ssh, with the host key that the system told", () => lookInside(state, key.path));
  await part("pulumi up again", () => again(site, server, key.text));
  await part("pulumi destroy, with onDelete: clean", () => handBack(site, server));
}

/** What a program would say of its instance. */
function argsOf({ name, moreMacs: [second = ""] }: LabServer, key: string) {
  return {
    ...{ flavor: "modern", image: "debian", hostname: "web-1.example.org", sshKeys: [key] },
    ...{ waitFor: "phone-home", onDelete: "clean" },
    networks: {
      ethernets: [
        { name: "lan0", interface: `${name}-eth0` },
        { name: "lan1", mac: second },
      ],
      bonds: [
        { name: "bond0", interfaces: ["lan0", "lan1"], mode: "active-backup", primary: "lan0", dhcp4: true },
      ],
      vlans: [{ vlanId: 42, link: "bond0", addresses: ["10.42.0.7/24"] }],
    },
  };
}

async function deploy(site: TestSite, server: LabServer, key: string): Promise<State> {
  await site.declare("flavors", "modern", { cpus: 1, memory: "512 MiB", rootDisk: "4 GiB" });
  await site.declare("images", "debian", { source: image });
  const rootDeviceHints = { model: "<in> NVMe", size: ">= 5" };
  await enrol(site, server, { bootMode: "uefi", disk: "6 GiB", rootDeviceHints, clean: "discard" });
  const state = await install(site, server, argsOf(server, key));
  const timeline = state["timeline"] as readonly { step: string; seconds: number }[];
  say(timeline.map(({ step, seconds }) => `${step} ${seconds} s`).join(", "));
  for (const name of ["address", "rootDevice", "rootSize", "hostKeys"])
    say(`${name} ${JSON.stringify(state[name])}`);
  check(String(state["rootDevice"]).includes("nvme"), "another disk than the NVMe was written");
  check((await server.console()).includes("Secure boot enabled"), "Secure Boot is off");
  check(stagesOf(site.progress(nameOn(server))).includes("waiting for the system"), "it was not waited for");
  return state;
}

async function lookInside({ address, hostKeys }: State, key: string): Promise<void> {
  const look =
    "uname -n; df -h --output=source,size / | tail -n 1; ip -br addr show up; cloud-init status --wait";
  const seen = await enter({ address: String(address), hostKeys: hostKeys as string[], key }, look);
  say(seen);
  for (const wanted of [
    /^web-1/,
    /nvme0n1p2 +5\.\dG/,
    /bond0 .*10\.99\.0\./,
    /bond0\.42.* 10\.42\.0\.7\/24/,
    /status: done/,
  ])
    check(wanted.test(seen), `${wanted} is not in it`);
}

async function again(site: TestSite, server: LabServer, key: string): Promise<void> {
  const { changed, actions } = await site.plan("instances", nameOn(server), {
    ...argsOf(server, key),
    ...{ node: server.name, hardReboot: true },
    flavorDigest: site.remembered("flavors", "modern")?.["digest"],
    imageDigest: site.remembered("images", "debian")?.["digest"],
  });
  check(changed.length === 0 && actions.length === 0, `it would change ${changed}: ${actions}`);
  say("nothing to do");
}

/** The disk reads as one that was never written. */
async function handBack(site: TestSite, server: LabServer): Promise<void> {
  await site.remove("instances", nameOn(server));
  const node = await site.observe("nodes", server.name);
  say(`${server.name} is ${node?.["provisionState"]}; ${JSON.stringify(node?.["lastClean"])}`);
  check(!(await server.isOn()), "it is still on");
  const files = await bootFilesOf(site);
  check(files.length === 0, `boot files are left: ${files.join(", ")}`);
  say(`its disk against a blank one: ${await againstBlank(server.diskPath(1))}`);
}
