import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseAnnouncement } from "../../provider/services/callback/parse.ts";
import { assetsPath } from "../../provider/services/ramdisk/tree.ts";
import { type ShellMachine, shellMachine } from "../fixtures/ramdisk-shell.ts";

let machine: ShellMachine;
const boot = async (commandLine: string) => {
  await machine.remove();
  machine = await shellMachine(commandLine);
};
beforeEach(async () => {
  machine = await shellMachine();
});
afterEach(() => machine.remove());

describe("each script", async () => {
  const names = (await readdir(assetsPath)).filter((name) => name.endsWith(".sh"));
  it.for(names)("%s is understood by busybox", async (name) => {
    await execa("busybox", ["sh", "-n", join(assetsPath, name)]);
  });
});

describe("the kernel's command line", () => {
  it.for([
    { line: "quiet disk=sda disk=sdb", name: "disk", value: "sdb" },
    { line: "BOOT_IMAGE=k e1000.debug=1 deployment_id=d-1", name: "deployment_id", value: "d-1" },
    { line: "key=a=b==", name: "key", value: "a=b==" },
    { line: "other=1", name: "key", value: "none" },
    {
      line: "key=$(touch$IFS/broken);`touch$IFS/broken`",
      name: "key",
      value: "$(touch$IFS/broken);`touch$IFS/broken`",
    },
    { line: "key=/*", name: "key", value: "/*" },
  ])("gives $name of `$line` and evaluates nothing", async ({ line, name, value }) => {
    await boot(line);
    expect(await machine.run([], `argument ${name} none; printf %s "$REPLY"`)).toBe(value);
  });

  it.for([
    { how: "as they are", text: "serial=QM1;size=>=4", hints: "serial\tQM1\nsize\t>=4" },
    {
      how: "with values encoded",
      text: "model=A%20%3B%3D%25B;size=%3E%3D%204",
      hints: "model\tA ;=%B\nsize\t>= 4",
    },
    { how: "encoded as a whole", text: "wwn%3D0x5%3Brotational%3Dtrue", hints: "wwn\t0x5\nrotational\ttrue" },
    { how: "absent", text: "", hints: "" },
  ])("brings root device hints $how", async ({ text, hints }) => {
    await boot(`root_device=${text}`);
    expect(await machine.run(["disks"], 'read_hints; cat "$STATE/hints"')).toBe(hints);
  });

  it.for([
    {
      text: "10.0.0.5:10.0.0.1:10.0.0.254:255.255.255.0",
      parts: "10.0.0.5 10.0.0.1 10.0.0.254 255.255.255.0",
    },
    { text: "dhcp", parts: "   " },
  ])("brings the addresses of ip=$text", async ({ text, parts }) => {
    const show = 'echo "$STATIC_ADDRESS $STATIC_SERVER $STATIC_GATEWAY $STATIC_MASK"';
    expect(await machine.run(["network"], `parse_ip '${text}'; ${show}`)).toBe(parts);
  });
});

describe("the form", () => {
  it("says any text so that the helper reads the same", async () => {
    const text = fc.string({ unit: "binary", maxLength: 30 }).map((some) =>
      // NUL to BS end a field or cannot stand in a shell's word; the last newlines go with the shell's way of reading.
      some.replace(/[\0-\b\ud800-\udfff]/g, "").replace(/\n+$/, ""),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 3 }), async (values) => {
        const input = values.map((value, index) => `f${index}\x01${value}\x02`).join("");
        const { stdout } = await execa("busybox", ["awk", "-f", join(assetsPath, "form.awk")], {
          input,
          env: { LC_ALL: "C" },
        });
        expect([...new URLSearchParams(stdout)]).toEqual(values.map((value, index) => [`f${index}`, value]));
      }),
      { numRuns: 40 },
    );
  });
});

describe("the call of a rescue", () => {
  it("tells the host key of its SSH server, and no other part of it", async () => {
    await boot("mode=rescue deployment_id=d-1 deployment_key=KEY");
    const lines = `MODE=rescue DEPLOYMENT=d-1 KEY=KEY ADDRESS=10.0.0.5 BOOT_ID=b FIRMWARE=bios
      export PATH="$PATH:/usr/sbin"; host_key; write_form; cat "$STATE/body"`;
    const body = await machine.run(["identity", "announce", "mode-rescue"], lines);
    const parsed = parseAnnouncement(body, "10.0.0.5");
    const { stdout } = await execa("dropbearkey", ["-y", "-f", join(machine.folder, "state/host")], {
      env: { PATH: `${process.env["PATH"]}:/usr/sbin` },
    });
    const [hostKey] = /^ssh-ed25519 \S+/m.exec(stdout) ?? [];
    expect(hostKey).toBeDefined();
    expect(parsed).toMatchObject({ ok: true, announcement: { mode: "rescue", hostKey } });
  });
});

describe("a word", () => {
  it.for([
    { said: "done", heard: true },
    { said: "done\r\n", heard: true },
    { said: "grow 1048576", heard: true },
    { said: "hooks", heard: true },
    { said: "rescue", heard: true },
    { said: "", heard: false },
    { said: "hello", heard: false },
    { said: "done and more", heard: false },
    { said: "grow", heard: false },
    { said: "grow ", heard: false },
    { said: "grow 1;reboot", heard: false },
    { said: "grow 1 2", heard: false },
    { said: "GET / HTTP/1.1\r\nHost: done\r\n\r\n", heard: false },
  ])("$said is heard: $heard", async ({ said, heard }) => {
    const env = { STATE: join(machine.folder, "state") };
    await execa("busybox", ["sh", join(assetsPath, "word.sh")], { input: said, env });
    expect((await readdir(env.STATE)).includes("word")).toBe(heard);
  });
});
