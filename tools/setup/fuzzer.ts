import { access, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { Stop, type Teller } from "./say.ts";

/** The fuzzer of the API, from Python's package index, pinned. */
const version = "4.32.5";
const folder = () =>
  join(
    process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"),
    "pulumi-baremetal",
    `schemathesis-${version}`,
  );

/** The program, once it was brought. */
export const fuzzer = (): string => join(folder(), "bin/schemathesis");

/** Bring it into a virtual environment of its own in our cache: the lab, where it works, has no way out. */
export async function bringFuzzer(say: Teller): Promise<void> {
  const there = await access(fuzzer()).then(
    () => true,
    () => false,
  );
  if (there) return;
  await say.step(`Bringing schemathesis ${version}`, async () => {
    await rm(folder(), { recursive: true, force: true });
    const words = ["-m", "venv", folder()];
    const made = await execa("python3", words, { all: true, reject: false, timeout: 300_000 });
    if (made.exitCode !== 0)
      throw new Stop(`${made.all}\npython3 makes no virtual environment: is python3-venv installed?`);
    const pip = join(folder(), "bin/pip");
    const brought = await execa(pip, ["install", "--quiet", `schemathesis==${version}`], {
      ...{ all: true, reject: false, timeout: 900_000 },
    });
    if (brought.exitCode === 0) return;
    await rm(folder(), { recursive: true, force: true });
    throw new Stop(`${brought.all}\npip did not bring schemathesis: see above.`);
  });
}
