import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { allErrors } from "../../tools/generate/errors.ts";

const root = join(import.meta.dirname, "../..");
const pages = (await readdir(join(root, "docs"))).filter((name) => name.endsWith(".md"));
const written = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", ...pages.map((name) => `docs/${name}`)];

describe("the documents", () => {
  it("name no code that the catalogue does not have", async () => {
    const known = new Set((await allErrors(root)).map(({ code }) => code));
    const named = (await Promise.all(written.map((file) => readFile(join(root, file), "utf8"))))
      .flatMap((text) => text.match(/`[A-Z]{3,}_[A-Z_]+`/g) ?? [])
      .map((word) => word.slice(1, -1));
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((code) => !known.has(code) && !code.startsWith("BAREMETAL_"))).toEqual([]);
  });

  it("are all reached from the README", async () => {
    const queue = ["README.md"];
    for (const file of queue) {
      const text = await readFile(join(root, file), "utf8");
      for (const [, target = ""] of text.matchAll(/\]\((?!https?:)([^)#]+\.md)/g)) {
        const page = join(file, "..", target);
        if (!queue.includes(page)) queue.push(page);
      }
    }
    expect(written.filter((file) => !queue.includes(file))).toEqual([]);
  });

  it("link to nothing that is not there", async () => {
    for (const file of written) {
      const text = await readFile(join(root, file), "utf8");
      for (const [, target = ""] of text.matchAll(/\]\((?!https?:)([^)#]+)/g)) {
        const [folder, name] = [join(root, file, "..", target, ".."), target.split("/").at(-1)];
        expect(await readdir(folder), `${file} links to ${target}`).toContain(name);
      }
    }
  });
});
