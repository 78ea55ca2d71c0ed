// The first thing that `npm run demo` and `npm test` start on a bare clone: it needs nothing but Node, brings the npm
// packages and hands on to main.ts. Plain JavaScript, because nothing that could read TypeScript need be there yet.
import { spawnSync } from "node:child_process";
import { lstatSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const started = Date.now();
process.chdir(fileURLToPath(new URL("../../", import.meta.url)));
checkNode(process.versions.node);
if (!installed()) install();
const { register } = await import("tsx/esm/api");
register();
const { main } = await import("./main.ts");
process.exitCode = await main(process.argv.slice(2), started);

function checkNode(version) {
  const [major, minor] = version.split(".").map(Number);
  if ((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22) return;
  stop(
    `Node ${version} is too old. Install Node 20.19 or newer of 20, or 22.12 or newer, and run this again.`,
  );
}

// npm writes node_modules/.package-lock.json last, so an interrupted install is seen too.
function installed() {
  const changed = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return changed("node_modules/.package-lock.json") >= changed("package-lock.json");
}

function install() {
  // npm ci empties the folder first: through a link that is another checkout's.
  if (lstatSync("node_modules", { throwIfNoEntry: false })?.isSymbolicLink())
    stop("node_modules is a symbolic link, and package-lock.json asks for other packages. Remove the link.");
  const begun = Date.now();
  process.stdout.write("Installing npm packages ... ");
  const words = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  // The npm that started us, or, where that was another tool or none, the one on PATH.
  const own = /npm-cli\.js$/.test(process.env.npm_execpath ?? "") ? process.env.npm_execpath : undefined;
  const [file, args] = own ? [process.execPath, [own, ...words]] : ["npm", words];
  const { status, stdout, stderr, error } = spawnSync(file, args, { encoding: "utf8", timeout: 900_000 });
  if (status === 0) return console.log(`${((Date.now() - begun) / 1000).toFixed(1)} s`);
  console.log("failed");
  stop(`${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}\nnpm ci did not succeed: see above.`);
}

function stop(words) {
  console.error(words);
  process.exit(1);
}
