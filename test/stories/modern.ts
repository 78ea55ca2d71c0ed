import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import type { State } from "../../provider/site/site.ts";
import { buildDebianImage } from "../../tools/images/debian.ts";
import { imageCache } from "../../tools/images/index.ts";
import { type LabServer, openLab } from "../lab/lab/index.ts";
import { programsRunning } from "../lab/programs.ts";
import { bootFilesOf, enrol, install, nameOn, openSite, stagesOf } from "../lab/site.ts";
import { check } from "./lib/story.ts";

// A stock Debian with cloud-init on a server of today: UEFI with Secure Boot, the NVMe among three disks, two cards as one
// bond with a VLAN on it. It phones home, is reached by the host key that it told, and is handed back clean.
// `npm run story -- modern`; about five minutes without KVM, after the image was made once.

const say = (text: string) => console.log(`   ${text.replaceAll("\n", "\n   ")}`);

async function part<T>(title: string, body: () => Promise<T>): Promise<T> {
  console.log(`\n${title}`);
  const start = Date.now();
  const result = await body();
  say(`(${((Date.now() - start) / 1000).toFixed(1)} s)`);
  return result;
}

const image = await buildDebianImage(imageCache());
const folder = await mkdtemp(join(tmpdir(), "story-modern-"));
const lab = await openLab({ dir: join(folder, "lab") });
const limits = { power: "10 seconds", callback: "4 minutes", answer: "15 minutes" } as const;
const site = await openSite(lab, join(folder, "state"), { limits });
try {
  await tell();
} catch (error) {
  console.error(`\nFAILED: ${error instanceof Error ? error.stack : String(error)}`);
  process.exitCode = 1;
} finally {
  await site.close();
  await lab.close();
  await rm(folder, { recursive: true, force: true });
}
const left = await programsRunning();
if (left.length > 0) {
  console.log(`Left running: ${left.join("; ")}`);
  process.exitCode = 1;
}

async function tell(): Promise<void> {
  const server = await part("A server: UEFI, Secure Boot, three disks, two cards", makeServer);
  const key = await makeKey();
  const state = await part("pulumi up: a stock Debian, told by cloud-init, that phones home", () =>
    deploy(server, key.text),
  );
  await part("ssh, with the host key that the system told", () => lookInside(state, key.path));
  await part("pulumi up again", () => again(server, key.text));
  await part("pulumi destroy, with onDelete: clean", () => handBack(server));
}

async function makeServer(): Promise<LabServer> {
  const server = await lab.server({
    ...{ name: "rack1-u7", firmware: "uefi", secureBoot: true, memory: "1 GiB", cards: 2 },
    disks: [
      { size: "6 GiB", serial: "DATA-1" },
      { size: "6 GiB", serial: "SYSTEM-1", kind: "nvme" },
      { size: "8 GiB", serial: "DATA-2", kind: "virtio" },
    ],
  });
  say(`${server.name}  ${[server.mac, ...server.moreMacs].join(" ")}  off`);
  return server;
}

/** One key for this story: its public half is given to the system, its private half opens it. */
async function makeKey(): Promise<{ readonly path: string; readonly text: string }> {
  const path = join(folder, "key");
  await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "story", "-f", path]);
  return { path, text: (await readFile(`${path}.pub`, "utf8")).trim() };
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

async function deploy(server: LabServer, key: string): Promise<State> {
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

/** Without a doubt about the host key: another one would end the connection. */
async function lookInside(state: State, key: string): Promise<void> {
  const address = String(state["address"]);
  const known = join(folder, "known_hosts");
  await writeFile(known, (state["hostKeys"] as string[]).map((line) => `${address} ${line}\n`).join(""));
  const trust = ["-o", "StrictHostKeyChecking=yes", "-o", `UserKnownHostsFile=${known}`];
  const { stdout: seen } = await execa("ssh", [
    ...["-i", key, ...trust, `debian@${address}`],
    "uname -n; df -h --output=source,size / | tail -n 1; ip -br addr show up; cloud-init status --wait",
  ]);
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

async function again(server: LabServer, key: string): Promise<void> {
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
async function handBack(server: LabServer): Promise<void> {
  await site.remove("instances", nameOn(server));
  const node = await site.observe("nodes", server.name);
  say(`${server.name} is ${node?.["provisionState"]}; ${JSON.stringify(node?.["lastClean"])}`);
  check(!(await server.isOn()), "it is still on");
  const files = await bootFilesOf(site);
  check(files.length === 0, `boot files are left: ${files.join(", ")}`);
  const blank = join(folder, "blank.qcow2");
  await execa("qemu-img", ["create", "-q", "-f", "qcow2", blank, "6G"]);
  const { stdout } = await execa("qemu-img", ["compare", blank, server.diskPath(1)]);
  say(`its disk against a blank one: ${stdout}`);
}
