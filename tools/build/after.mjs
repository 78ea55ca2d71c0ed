// After tsc: what the compiler does not do. Run by `npm run build` in the package's folder.
import { chmod, cp, readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const there = (path) =>
  stat(path).then(
    () => true,
    () => false,
  );
const entries = await readdir("dist", { recursive: true, withFileTypes: true });

// Outputs whose source is gone would go on being published.
for (const entry of entries) {
  const path = join(entry.parentPath ?? entry.path, entry.name);
  const source = path.slice("dist/".length).replace(/(\.d)?\.[jt]s$/, ".ts");
  if (entry.isFile() && !(await there(source))) await rm(path);
}

// Files that the code reads beside itself: the ramdisk's init, templates.
for (const entry of await readdir("provider", { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath ?? entry.path, entry.name);
  if (entry.isDirectory() && basename(path) === "assets") {
    await rm(join("dist", path), { recursive: true, force: true });
    await cp(path, join("dist", dirname(path), "assets"), { recursive: true });
  }
}

// npm sets this on install; here the demo and the tests start it from the clone.
const bin = "dist/provider/main.js";
if (await there(bin)) await chmod(bin, 0o755);
