import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe } from "vitest";
import { locate, searchPath } from "../../../../provider/cli/programs.ts";
import { serve } from "../../../../provider/kernel/process.ts";
import { testPrograms } from "../../../../tools/setup/lab-programs.ts";
import { freePort } from "../free-port.ts";
import type { PeerFault } from "../peer.ts";

const script = fileURLToPath(new URL("pdu.sh", import.meta.url));
const need = testPrograms.find(({ name }) => name === "snmpd");
const program = need && (await locate(need, searchPath(process.env["PATH"])));

/** Tests that ask net-snmp's own agent. */
export function withSnmpd(name: string, tests: () => void): void {
  describe.skipIf(!program)(`${name}${program ? "" : " (left out: snmpd is not installed)"}`, tests);
}

export const secrets = { community: "Hjq8-wrEx2.Tz", auth: "auth-7Yzn.guess", priv: "priv-Zz7q.9wrE" };
export const readers = { community: "readers-only", user: "reader" };

/** Net-snmp's agent on loopback, with a PDU of three outlets behind it (Sentry3-MIB), all off at first. */
export async function startAgent() {
  const folder = await mkdtemp(join(tmpdir(), "snmp-"));
  const port = await freePort();
  const put = async (name: string, text: string) => {
    // Whoever reads it meanwhile finds all of it.
    await writeFile(join(folder, `.${name}`), text);
    await rename(join(folder, `.${name}`), join(folder, name));
  };
  const read = async (name: string) => (await readFile(join(folder, name), "utf8")).trim();
  async function reset(): Promise<void> {
    for (const name of await readdir(folder)) if (name.startsWith("outlet-")) await rm(join(folder, name));
    for (const outlet of [1, 2, 3]) await put(`outlet-${outlet}`, "0\n");
    await put("fault", "none\n");
    await put("calls", "");
  }
  await mkdir(join(folder, "persist"));
  await reset();
  const keys = `SHA-256 "${secrets.auth}" AES "${secrets.priv}"`;
  await put(
    "snmpd.conf",
    [
      `rwcommunity ${secrets.community} 127.0.0.1`,
      `rocommunity ${readers.community} 127.0.0.1`,
      ...[`createUser op ${keys}`, `createUser ${readers.user} ${keys}`],
      ...["rwuser op priv", `rouser ${readers.user} priv`],
      `pass_persist .1.3.6.1.4.1.1718.3.2.3.1 /bin/sh ${script} ${folder}`,
    ].join("\n"),
  );
  const env = { MIBS: "", SNMP_PERSISTENT_DIR: join(folder, "persist") };
  // SMUX is a port of its own, which one agent on a host can have.
  const words = ["-f", "-C", "-c", join(folder, "snmpd.conf"), "-I", "-smux", "-Lo", `udp:127.0.0.1:${port}`];
  const said: string[] = [];
  let hear = () => {};
  const ready = new Promise<void>((resolve) => {
    hear = resolve;
  });
  const agent = serve(program ?? "snmpd", words, {
    env,
    onLine(line) {
      said.push(line);
      if (line.includes("NET-SNMP version")) hear();
    },
  });
  const gone = agent.ended.then(({ code }) => {
    throw new Error(`snmpd ended with ${code}: ${said.join("\n")}`);
  });
  gone.catch(() => {});
  await Promise.race([ready, gone]);
  return {
    port,
    reset,
    fault: (fault: PeerFault) => put("fault", `${fault}\n`),
    outlet: async (number: number) => ((await read(`outlet-${number}`)) === "1" ? "on" : "off"),
    turn: (number: number, to: "on" | "off") => put(`outlet-${number}`, to === "on" ? "1\n" : "0\n"),
    orders: async () =>
      (await read("calls"))
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => {
          const [at, order, outlet] = line.split(" ");
          return { at: Number(at), order: order as "look" | "on" | "off", outlet: Number(outlet) };
        }),
    async stop() {
      await put("fault", "none\n");
      await agent.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
export type Agent = Awaited<ReturnType<typeof startAgent>>;
