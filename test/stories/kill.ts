import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { cells } from "./kill/cells.ts";
import { tellLane } from "./kill/lane.ts";
import { type Row, totals } from "./kill/table.ts";

// Every process of a deployment, a rebuild and a release, killed and stopped at each of their steps: the same asked again
// ends as it should, one writer at a time, the disk as the image. `npm run story -- kill [WORD…]` tells the cells that
// have all of the words; `lanes=N` tells so many at once, each lane in a lab of its own, `seed=N` chooses other moments.
const words = process.argv.slice(2);
const numberOf = (key: string, otherwise: number) =>
  Number(words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1) ?? otherwise);
const [lanes, lane, seed] = [numberOf("lanes", 3), numberOf("lane", 0), numberOf("seed", 1)];
const wanted = words.filter((word) => !word.includes("="));
// Whole words: `qemu` is not `qemu-img`.
const plain = (text: string) => ` ${text.replaceAll(/[":.]/g, "")} `;
const chosen = cells().filter(({ name }) => wanted.every((word) => plain(name).includes(plain(word))));

if (lane > 0) {
  await tellLane(
    chosen.filter((_, index) => index % lanes === lane - 1),
    { seed, file: process.env["KILL_ROWS"] ?? "" },
  );
} else {
  const folder = await mkdtemp(join(tmpdir(), "kill-"));
  const rows: Row[] = [];
  await Promise.all(
    Array.from({ length: Math.min(lanes, chosen.length) }, async (_, index) => {
      const file = join(folder, `${index}`);
      const more = [`lanes=${lanes}`, `lane=${index + 1}`, `seed=${seed}`, ...wanted];
      const apart = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--"];
      const child = [process.execPath, "--import", "tsx", fileURLToPath(import.meta.url), ...more];
      await execa("unshare", [...apart, ...child], {
        ...{ stdio: "inherit", reject: false, env: { KILL_ROWS: file } },
      });
      const told = (await readFile(file, "utf8").catch(() => "")).split("\n").filter((line) => line !== "");
      rows.push(...told.map((line) => JSON.parse(line) as Row));
    }),
  );
  await rm(folder, { recursive: true });
  console.log(totals(rows, chosen.length));
  const failed = chosen.length - rows.filter(({ failed }) => !failed).length;
  console.log(`${rows.length} told, ${failed} failed`);
  if (failed > 0 || rows.length === 0) process.exitCode = 1;
}
