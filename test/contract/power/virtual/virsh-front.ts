import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { type BootStyle, type DomainFacts, domainXml, type Libvirtd } from "./libvirtd.ts";

const wrapper = fileURLToPath(new URL("./virsh.sh", import.meta.url));

/** A folder with a `virsh` that can fail, before the real one; and the domains that it is asked for. */
export interface Front {
  readonly folder: string;
  /** To go before PATH. */
  readonly path: string;
  readonly fault: (fault: string) => Promise<void>;
  /** When what was asked: `at verb arguments`. */
  readonly calls: () => Promise<readonly string[]>;
  /** A domain that nobody else has. */
  readonly define: (style?: BootStyle) => Promise<DomainFacts>;
  readonly remove: (domain: DomainFacts) => Promise<void>;
  /** Whether what our wrapper does a second later is done: it has its arguments, and is no program that the driver left behind. */
  readonly lateIsDone: () => Promise<boolean>;
  readonly end: () => Promise<void>;
}

export async function startFront({ folder: home, virsh }: Libvirtd): Promise<Front> {
  const folder = await mkdtemp(join(tmpdir(), "virsh-"));
  const path = join(folder, "bin");
  await mkdir(path);
  await copyFile(wrapper, join(path, "virsh"));
  await chmod(join(path, "virsh"), 0o755);
  const { stdout: real } = await execa("sh", ["-c", "command -v virsh"]);
  await symlink(real, join(folder, "real"));
  const put = (name: string, text: string) => writeFile(join(folder, name), text);
  const read = (name: string) => readFile(join(folder, name), "utf8");
  let made = 0;
  return {
    folder,
    path,
    fault: (fault) => put("fault", fault),
    calls: async () => (await read("calls")).split("\n").filter((line) => line !== ""),
    async define(style = "dev") {
      made += 1;
      const digits = String(made).padStart(4, "0");
      const facts = {
        ...{ name: `server ${made}`, uuid: `7a1fd1a7-8d2b-4c5a-9a53-0f2a6a1b${digits}` },
        ...{ mac: `52:54:00:00:${digits.slice(0, 2)}:${digits.slice(2)}`, serial: `SN-${digits}` },
        password: "Hjq8-wrE",
      };
      await put("domain.xml", domainXml(facts, home, style));
      await virsh("define", join(folder, "domain.xml"));
      for (const [name, text] of Object.entries({ calls: "", late: "", fault: "none" }))
        await put(name, text);
      return facts;
    },
    async remove({ uuid }) {
      await put("fault", "none");
      await virsh("destroy", uuid).catch(() => {});
      await virsh("undefine", "--managed-save", uuid).catch(() => {});
    },
    async lateIsDone() {
      const pid = Number(await read("late"));
      try {
        if (pid > 0) process.kill(pid, 0);
        return pid === 0;
      } catch {
        return true; // it has ended
      }
    },
    end: () => rm(folder, { recursive: true, force: true }),
  };
}
