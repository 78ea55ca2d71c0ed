import { copyFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newContext, type Progress } from "../../provider/kernel/context.ts";
import { type Lab, type LabServer, readBanner } from "./lab/index.ts";
import { closeRack, openRack, type Rack } from "./rack.ts";
import { commandsTo, enrol, install, instanceArgs, menuOf, nameOn, type TestSite } from "./site.ts";

let rack: Rack;
let lab: Lab;
let site: TestSite;

beforeAll(async () => {
  // This ramdisk is larger than that of deployments, and a loaded host without KVM slow at fetching it.
  const limits = {
    power: "10 seconds",
    callback: "180 seconds",
    answer: "90 seconds",
    soft: "5 seconds",
  } as const;
  rack = await openRack({ limits });
  ({ lab, site } = rack);
});

afterAll(() => closeRack(rack, site));

const paths = () => ({
  key: join(rack.folder, "id"),
  known: join(rack.folder, "known_hosts"),
  before: join(rack.folder, "before.qcow2"),
});

const rescue = async ({ name: node }: LabServer, powerOff: boolean, onProgress = (_: Progress) => {}) => {
  const key = await readFile(`${paths().key}.pub`, "utf8");
  const ctx = newContext({ report: onProgress });
  return site.local.perform(ctx, { kind: "rescue", node, key, ...(powerOff ? { powerOff } : {}) });
};
const unrescue = ({ name: node }: LabServer) => site.local.perform(newContext(), { kind: "unrescue", node });

/** Into the ramdisk as its owner would come, who trusts no host key but the one that was told. */
function ssh(address: string, command: string, ...options: readonly string[]) {
  const trust = ["-o", `UserKnownHostsFile=${paths().known}`, "-o", "StrictHostKeyChecking=yes"];
  const words = [
    "-F",
    "none",
    "-i",
    paths().key,
    "-o",
    "IdentitiesOnly=yes",
    "-o",
    "BatchMode=yes",
    ...trust,
  ];
  return execa("ssh", [...words, ...options, `root@${address}`, command], { reject: false });
}

describe("a server that is rescued", () => {
  it("boots a ramdisk that lets its owner in, with its disk as it was, and then its system again", async () => {
    await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", paths().key]);
    const server = await lab.server({ name: "sick" });
    await enrol(site, server);
    await install(site, server, { waitFor: "written" });

    await expect(rescue(server, false)).rejects.toMatchObject({ code: "RESCUE_RUNNING_SYSTEM" });
    expect(await server.isOn()).toBe(true);
    const since = performance.now();
    const told = await rescue(server, true, ({ stage }) => {
      // Off by now, and not on again before this is through.
      if (stage === "configuring boot") copyFileSync(server.diskPath(), paths().before);
    });
    console.log(`into the rescue: ${((performance.now() - since) / 1000).toFixed(1)} s`);
    expect(told).toMatchObject({ node: "sick", instance: "on-sick", provisionState: "rescue" });
    const [address, hostKey] = [String(told["address"]), String(told["hostKey"])];
    await writeFile(paths().known, `${address} ${hostKey}\n`);

    const look = "head -c 1048576 /dev/sda | sha256sum; mount -o ro,noload /dev/sda2 /mnt && ls /mnt";
    const { stdout, stderr, exitCode } = await ssh(address, look);
    expect([exitCode, stderr]).toEqual([0, ""]);
    const [sum = "", ...root] = stdout.split("\n");
    expect(sum.split(" ")[0]).toBe(await headOf(paths().before));
    expect(root).toContain("etc");
    const disk = server.diskPath();
    await execa("qemu-img", ["compare", "-U", "-f", "qcow2", "-F", "qcow2", paths().before, disk]);
    const byPassword = await ssh(address, "true", "-o", "PubkeyAuthentication=no");
    expect(byPassword.stderr).toContain("Permission denied (publickey)");

    await expectWaiting(server);
    site = await site.reopen();
    const commands = await commandsTo(server);
    expect(await rescue(server, false)).toEqual(told);
    expect(await commandsTo(server)).toEqual(commands);

    await unrescue(server);
    expect(await readBanner(address, "60 seconds")).toContain(rack.images.whole.banner);
    expect(await menuOf(site, server)).toContain("default boot");
    expect(await site.observe("instances", nameOn(server))).toMatchObject({
      provisionState: "active",
      drift: [],
    });
    await site.remove("instances", nameOn(server));
  });
});

/** Its program is refused meanwhile, what has not changed is not; a refresh tells. */
async function expectWaiting(server: LabServer): Promise<void> {
  const plan = (more: object) =>
    site.plan("instances", nameOn(server), instanceArgs(site, server, { waitFor: "written", ...more }));
  expect(await plan({})).toMatchObject({ effect: "none", failures: [] });
  const { failures } = await plan({ power: "off" });
  expect(failures.map(({ reason }) => reason).join()).toContain("[RESCUE_UNDER_WAY]");
  await expect(site.remove("instances", nameOn(server))).rejects.toMatchObject({ code: "RESCUE_UNDER_WAY" });
  expect(await site.observe("nodes", server.name)).toMatchObject({ provisionState: "rescue" });
  expect(await site.observe("instances", nameOn(server))).toMatchObject({
    provisionState: "rescue",
    drift: [],
  });
}

async function headOf(qcow2: string): Promise<string> {
  const raw = `${qcow2}.head`;
  await execa("qemu-img", ["dd", "-f", "qcow2", "-O", "raw", "bs=1M", "count=1", `if=${qcow2}`, `of=${raw}`]);
  return (await execa("sha256sum", [raw])).stdout.split(" ")[0] ?? "";
}
