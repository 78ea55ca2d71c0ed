import { chmod, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ShellMachine, shellMachine } from "../fixtures/ramdisk-shell.ts";

let machine: ShellMachine;
beforeEach(async () => {
  machine = await shellMachine();
});
afterEach(() => machine.remove());

/** Run lines on a machine with these hooks. */
async function withHooks(hooks: Readonly<Record<string, string>>, lines: string): Promise<string> {
  for (const [name, text] of Object.entries(hooks)) {
    await machine.lay({ [`hooks/${name}`]: `#!/bin/sh\n${text}\n` });
    await chmod(join(machine.folder, "hooks", name), 0o755);
  }
  const start = `HOOK_DIR=${machine.folder}/hooks; . "$PARTS/hooks.sh"; CHOSEN=sda SERIAL=SN-1\n`;
  // What the writer's end and the helper's line are, is not of interest here.
  const around = 'unexport() { :; }; settle() { :; }; read_table() { :; }; fail() { echo "failed: $1"; }\n';
  return await machine.run(["disks"], `${start}${around}${lines}`);
}

describe("the site's hooks in the ramdisk", () => {
  it("are run at the point that their names begin with, in order, and told of disk and server", async () => {
    const hooks = {
      "before-disk-2": 'echo "two $SERIAL"',
      "before-disk-1": "echo one",
      "before-done": 'echo "last $DISK"',
    };
    const said = await withHooks(
      hooks,
      'run_hooks before-disk && cat "$LOG"; run_hooks before-done; tail -n 1 "$LOG"',
    );
    const words = said.split("\n").filter((line) => !line.startsWith("BAREMETAL"));
    expect(words).toEqual(["one", "two SN-1", `last ${machine.folder}/dev/sda`]);
  });

  it.for([
    {
      what: "fails",
      hook: "echo no licence >&2; exit 3",
      why: "the hook before-disk ended with code 3: no licence",
    },
    { what: "fails without a word", hook: "false", why: "the hook before-disk ended with code 1" },
    {
      what: "says strange things",
      hook: "printf 'a\\tb\\001c\\n\\n'; exit 1",
      why: "the hook before-disk ended with code 1: a b c",
    },
    {
      what: "needs a program that is not there",
      hook: "exec nothing-of-that-name",
      why: /ended with code 127: .*not found/,
    },
    {
      what: "does not end",
      hook: "echo waiting; sleep 30",
      why: /^the hook before-disk took longer than 1 s: waiting/,
    },
  ])("end with the words of one that $what, and no other is run", async ({ hook, why }) => {
    const hooks = { "before-disk": hook, "before-disk2": `echo ran > ${machine.folder}/second` };
    const said = await withHooks(hooks, 'HOOK_SECONDS=1; run_hooks before-disk || echo "$WHY"');
    expect(await readdir(machine.folder)).not.toContain("second");
    if (typeof why === "string") expect(said).toBe(why);
    else expect(said).toMatch(why);
  });

  it.for([
    { when: "there are none", hooks: {}, said: "[] 1" },
    { when: "there are only others", hooks: { "before-disk": "false" }, said: "[] 1" },
    { when: "it runs well", hooks: { "before-done": "true" }, said: "[waiting] 0 [ran] 1 [ran]" },
    {
      when: "it fails",
      hooks: { "before-done": "exit 2" },
      said: "[waiting] failed: the hook before-done ended with code 2",
    },
  ])(
    "of the last point wait for the helper's word, and are run once, when $when",
    async ({ hooks, said }) => {
      const twice = 'run_last_hooks; echo "$? [$HOOKS]"; ';
      const words = await withHooks(hooks, `echo "[$HOOKS]"; ${twice}${twice}`);
      expect(words.replaceAll("\n", " ").startsWith(said), words).toBe(true);
    },
  );
});
