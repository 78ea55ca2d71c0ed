import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { Command } from "commander";
import { approvedKey } from "../workflows/rescue.ts";
import { cliErrors } from "./errors.ts";
import { type OutputOptions, type Shell, tell, withOutput } from "./shell.ts";

interface RescueOptions extends OutputOptions {
  readonly key?: string;
  readonly powerOff?: true;
}

/** What a rescue answers. */
interface Rescued {
  readonly node: string;
  readonly instance: string;
  readonly address: string;
  readonly hostKey: string;
}

/** Where OpenSSH keeps the key that it tries first. */
const usualKeys = [".ssh/id_ed25519.pub", ".ssh/id_ecdsa.pub", ".ssh/id_rsa.pub"] as const;

/** `nodes rescue`: a door into a server whose system does not run, or not as it should. */
export function rescueCommand(shell: Shell): Command {
  return withOutput(new Command("rescue"))
    .description(
      "boot the server of an installed instance into a ramdisk with an SSH server, and tell how to come in; its disks are not touched",
    )
    .argument("<node>", "its name")
    .option("--key <file>", "the public SSH key that may come in (default: yours, from ~/.ssh)")
    .option("--power-off", "end the system that runs there: it is asked to shut down, then switched off")
    .action(async (node: string, options: RescueOptions) => {
      const { file, text } = await keyOf(shell, options.key);
      // Looked at here too: a private key that was given by mistake is sent nowhere.
      const key = approvedKey(text);
      const how = options.powerOff ? { powerOff: true } : {};
      const answer = await shell.site(options).perform(telling(shell), { kind: "rescue", node, key, ...how });
      tell(shell, options, answer as unknown as Rescued, (told) => wayIn(told, file));
    });
}

/** `nodes unrescue`: back to the system. */
export function unrescueCommand(shell: Shell): Command {
  return withOutput(new Command("unrescue"))
    .description(
      "end a rescue: the ramdisk is switched off, and the system booted if its instance is declared on",
    )
    .argument("<node>", "its name")
    .action(async (node: string, options: OutputOptions) => {
      const answer = await shell.site(options).perform(telling(shell), { kind: "unrescue", node });
      tell(shell, options, answer, ({ instance, provisionState, powerState }) =>
        powerState === "on"
          ? `${node} runs the system of ${instance} again (${provisionState}).`
          : `${node} is off, as ${instance} is declared (${provisionState}).`,
      );
    });
}

/** Each stage is named once while it lasts. */
function telling(shell: Shell): Shell["ctx"] {
  let last = "";
  const report = ({ stage }: { readonly stage: string }) => {
    if (stage !== last) shell.note(`${stage}\n`);
    last = stage;
  };
  return { ...shell.ctx, report };
}

async function keyOf({ cwd, home }: Shell, given: string | undefined) {
  const files = given === undefined ? usualKeys.map((name) => resolve(home, name)) : [resolve(cwd, given)];
  let cause: unknown;
  for (const file of files) {
    try {
      return { file, text: (await readFile(file, "utf8")).trim() };
    } catch (error) {
      cause = error;
    }
  }
  const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
  throw cliErrors.make("KEY_UNREADABLE", { files: files.join(", "), reason }, { cause });
}

/** The host key goes into a file of its own, so that the first connection trusts nothing that it has not been told. */
function wayIn({ node, instance, address, hostKey }: Rescued, file: string): string {
  const known = `${node}.known_hosts`;
  const own = file.replace(/\.pub$/, "");
  return [
    `${node} is in its rescue; the system of ${instance} does not run, and nothing of its disks was touched. To come in:`,
    `  echo '${address} ${hostKey}' > ${known}`,
    `  ssh -o UserKnownHostsFile=${known} -o StrictHostKeyChecking=yes -i ${quoted(own)} root@${address}`,
    "There are busybox, e2fsck, resize2fs and blkid; file systems are mounted as usual (`mount /dev/sda1 /mnt`).",
    `Back to the system: \`pulumi-baremetal nodes unrescue ${node}\`.`,
  ].join("\n");
}

const quoted = (word: string) =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
