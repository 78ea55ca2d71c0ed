import { once } from "node:events";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openProbe } from "../../../provider/services/probes/index.ts";
import { pingOnce, pingProbe, receivedIn } from "../../../provider/services/probes/ping.ts";
import { portProbe } from "../../../provider/services/probes/port.ts";
import { sshProbe } from "../../../provider/services/probes/ssh.ts";
import { ctx, obeysProbeContract } from "./suite.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const end of ends.splice(0)) await end();
});

const address = "127.0.0.1";
async function listen(meet: (caller: Socket) => void): Promise<number> {
  const callers: Socket[] = [];
  const server = createServer((caller) => {
    callers.push(caller.on("error", () => {}));
    meet(caller);
  }).listen(0, address);
  await once(server, "listening");
  ends.push(() => {
    for (const caller of callers) caller.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
async function closedPort(): Promise<number> {
  const port = await listen(() => {});
  await ends.pop()?.();
  return port;
}

describe("the probe of a port", () => {
  obeysProbeContract(async () => ({ address, probe: portProbe(await listen(() => {})) }));

  it("tells a port that is refused", async () => {
    const port = await closedPort();
    const detail = `${address} refuses port ${port}`;
    expect(await portProbe(port).ask(ctx, address)).toEqual({ answers: false, detail });
  });
});

describe("the probe of an SSH server", () => {
  const greets = (text: string) => listen((caller) => void caller.write(text));
  obeysProbeContract(async () => ({ address, probe: sshProbe(await greets("SSH-2.0-x\r\n")) }));

  it("reads on behind lines that come before the greeting", async () => {
    const port = await greets("Authorised use only.\r\nSSH-2.0-x\r\n");
    expect(await sshProbe(port).ask(ctx, address)).toMatchObject({ answers: true });
  });

  it.for([
    { what: "says nothing", meet: () => {}, words: "says nothing" },
    { what: "closes at once", meet: (caller: Socket) => caller.end(), words: "without a greeting" },
    {
      what: "speaks another protocol",
      meet: (caller: Socket) => caller.write("HTTP/1.1 400 Bad Request\r\n".repeat(20)),
      words: "says something else",
    },
  ])("is not content with a port that $what", async ({ meet, words }) => {
    const port = await listen((caller) => void meet(caller));
    const heard = await sshProbe(port).ask(ctx, address);
    expect(heard).toEqual({ answers: false, detail: expect.stringContaining(words) });
  });
});

describe("the probe by ping", () => {
  obeysProbeContract(async () => ({ address, probe: pingProbe }));

  it("waits for steady answers: a boot ROM gives some too", async () => {
    const folder = await mkdtemp(join(tmpdir(), "ping-"));
    ends.push(() => rm(folder, { recursive: true }));
    // Says as the system's does: the first echo comes back, of five only two.
    const script =
      '#!/bin/sh\ncase "$*" in *"-c 1 "*) n=1 ;; *) n=2 ;; esac\necho "$n packets transmitted, $n received"\n';
    await execa("sh", ["-c", `cat >${folder}/ping && chmod +x ${folder}/ping`], { input: script });
    vi.stubEnv("PATH", `${folder}:${process.env["PATH"]}`);
    const detail = `${address} answers ping, but not steadily`;
    expect(await pingProbe.ask(ctx, address)).toEqual({ answers: false, detail });
  });

  it("says which program is missing, and a look for a report goes without", async () => {
    const folder = await mkdtemp(join(tmpdir(), "no-ping-"));
    ends.push(() => rm(folder, { recursive: true }));
    const { stdout: setpriv } = await execa("sh", ["-c", "command -v setpriv"]);
    await symlink(setpriv, join(folder, "setpriv"));
    vi.stubEnv("PATH", folder);
    await expect(pingProbe.ready?.(ctx)).rejects.toMatchObject({ code: "PROGRAM_MISSING" });
    await expect(pingProbe.ask(ctx, address)).rejects.toMatchObject({ code: "PROGRAM_MISSING" });
    expect(await pingOnce(ctx, address)).toBeUndefined();
  });

  it("never takes anything but an address for one", async () => {
    for (const odd of ["-f", "localhost", "10.0.0.0/8", ""])
      expect(await pingProbe.ask(ctx, odd)).toMatchObject({ answers: false });
  });

  it.for([
    { of: "iputils", text: "5 packets transmitted, 4 received, 20% packet loss, time 4099ms", count: 4 },
    { of: "busybox", text: "1 packets transmitted, 1 packets received, 0% packet loss", count: 1 },
    { of: "one that said nothing", text: "", count: 0 },
  ])("reads the summary of $of", ({ text, count }) => {
    expect(receivedIn(text)).toBe(count);
  });
});

it("each kind of probe has a name of its own", () => {
  const names = (["ping", "ssh", { port: 443 }] as const).map((kind) => openProbe(kind).name);
  expect(names).toEqual(["ping", "SSH", "port 443"]);
});
