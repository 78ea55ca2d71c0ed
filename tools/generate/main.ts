// `npm run generate` writes all that derives from the code; with --check it only says what is stale.
import { generatedFiles, staleFiles, writeFiles } from "./files.ts";

const files = await generatedFiles();
const stale = await staleFiles(files);

if (!process.argv.includes("--check")) {
  await writeFiles(files, stale);
  console.log(stale.length > 0 ? `written: ${stale.join(", ")}` : "all up to date");
} else if (stale.length > 0) {
  console.error(`stale: ${stale.join(", ")}\nRun \`npm run generate\`.`);
  process.exitCode = 1;
}
