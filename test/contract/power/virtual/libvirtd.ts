import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { searchPath } from "../../../../provider/cli/programs.ts";

const PATH = searchPath(process.env["PATH"]);

/** A libvirt of this test alone, of its own user and folder, that runs domains in QEMU without KVM. */
export interface Libvirtd {
  readonly folder: string;
  readonly uri: string;
  /** The real virsh, connected to it. */
  readonly virsh: (...words: readonly string[]) => Promise<string>;
  readonly stop: () => Promise<void>;
}

/** What this host lacks for it; undefined where it has all. */
export async function lacking(): Promise<string | undefined> {
  for (const program of ["virsh", "libvirtd", "qemu-system-x86_64", "unshare", "setpriv"]) {
    const { exitCode } = await execa("sh", ["-c", `command -v ${program}`], { env: { PATH }, reject: false });
    if (exitCode !== 0) return program;
  }
  return undefined;
}

/**
 * Start it. Root has no session of libvirt's, so for root it is that of nobody. In a process namespace of its own, whose first
 * process reaps: the end of that one ends libvirtd and every QEMU, which libvirt lets outlive itself.
 */
export async function startLibvirtd(): Promise<Libvirtd> {
  const folder = await mkdtemp(join(tmpdir(), "libvirtd-"));
  const at = (...parts: readonly string[]) => join(folder, ...parts);
  await mkdir(at("config", "libvirt"), { recursive: true });
  await mkdir(at("run"), { mode: 0o700 });
  await writeFile(at("libvirtd.conf"), 'auth_unix_rw = "none"\n');
  // Without a second daemon for what its domains say.
  await writeFile(at("config", "libvirt", "qemu.conf"), 'stdio_handler = "file"\n');
  await writeFile(at("disk"), Buffer.alloc(2 ** 20));
  const root = process.getuid?.() === 0;
  const nobody = "65534";
  if (root) await execa("chown", ["-R", `${nobody}:${nobody}`, folder]);
  const drop = root ? `setpriv --reuid=${nobody} --regid=${nobody} --clear-groups ` : "";
  const namespaces = [...(root ? [] : ["--user", "--map-current-user", "--keep-caps"]), "--mount", "--pid"];
  const child = execa(
    "setpriv",
    [
      ...["--pdeathsig", "KILL", "--", "unshare", ...namespaces, "--fork", "--kill-child", "--mount-proc"],
      ...["sh", "-c", `${drop}libvirtd -f ${at("libvirtd.conf")} & wait`],
    ],
    {
      env: {
        ...{ PATH, HOME: folder, LC_ALL: "C", XDG_RUNTIME_DIR: at("run") },
        ...{ XDG_CONFIG_HOME: at("config"), XDG_CACHE_HOME: at("cache") },
      },
      ...{ cwd: folder, reject: false, all: true },
    },
  );
  const uri = `qemu+unix:///session?socket=${at("run", "libvirt", "libvirt-sock")}`;
  const call = (...words: readonly string[]) =>
    execa("virsh", ["-q", "-c", uri, ...words], { env: { PATH, LC_ALL: "C" }, reject: false });
  for (let tries = 0; (await call("list")).exitCode !== 0; tries += 1) {
    const said = await Promise.race([child.then(({ all }) => all), pause(100)]);
    if (said !== undefined || tries > 300) throw new Error(`libvirtd does not serve: ${said}`);
  }
  return {
    ...{ folder, uri },
    async virsh(...words) {
      const { exitCode, stdout, stderr } = await call(...words);
      if (exitCode !== 0) throw new Error(`virsh ${words.join(" ")}: ${stderr}`);
      return stdout.trim();
    },
    async stop() {
      child.kill("SIGKILL");
      await child;
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

/** What a domain of the tests is made of. */
export interface DomainFacts {
  readonly name: string;
  readonly uuid: string;
  readonly mac: string;
  readonly serial: string;
  /** Of its screen. */
  readonly password: string;
}

/** How a domain says what it boots: by a list, or by a place for each device. */
export type BootStyle = "dev" | "order";

/** A domain without a system: it starts its BIOS, finds nothing, and is still. It hears no shutdown. Its disk is first. */
export function domainXml(facts: DomainFacts, folder: string, style: BootStyle): string {
  const { name, uuid, mac, serial, password } = facts;
  const [dev, order] = style === "dev" ? ["<boot dev='hd'/>", ""] : ["", "<boot order='1'/>"];
  return `<domain type='qemu'>
  <name>${name}</name>
  <uuid>${uuid}</uuid>
  <metadata><test:note xmlns:test="urn:test" of='a "b" &lt;c>'>x &amp; y</test:note></metadata>
  <memory unit='MiB'>16</memory>
  <sysinfo type='smbios'><system><entry name='serial'>${serial}</entry></system></sysinfo>
  <os><type arch='x86_64' machine='pc'>hvm</type>${dev}<smbios mode='sysinfo'/></os>
  <features><acpi/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <interface type='user'><mac address='${mac}'/><model type='e1000'/><rom enabled='no'/></interface>
    <disk type='file' device='disk'>
      <source file='${join(folder, "disk")}'/><target dev='hda' bus='ide'/>${order}
    </disk>
    <graphics type='vnc' passwd='${password}'>
      <listen type='socket' socket='${join(folder, `${uuid}.vnc`)}'/>
    </graphics>
  </devices>
</domain>
`;
}
