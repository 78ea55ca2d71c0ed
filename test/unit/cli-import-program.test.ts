import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { identifiers } from "../../provider/cli/import/identifiers.ts";
import { good, serverLists } from "../fixtures/server-lists.ts";

const { run, faults } = serverLists();

describe("an adoption", () => {
  it("needs the source of each Image, and of no other", async () => {
    const told = await faults(
      "servers.csv",
      good,
      "--adopt",
      "--image",
      "http://x/d",
      "--image",
      "debain=./d.raw",
    );
    expect(told).toEqual([
      "--image: Expected the source of Image debian-12: --image debian-12=SOURCE",
      "--image: No server has the Image debain",
      "--image: adopted: Plain http can be altered on the way: give the checksum of the file",
    ]);
  });

  it.for([{ words: ["--adopt"] }, { words: ["--image", "./a.raw"] }])(
    "is asked for with an Image, not by $words alone",
    async ({ words }) => {
      const { err, code } = await run("servers.csv", good, ...words);
      expect(code).toBe("commander.error");
      expect(err).toContain("--adopt and --image [NAME=]SOURCE go together");
    },
  );
});

describe("the names of constants", () => {
  it.for([
    ["rack1-u7", "rack1U7"],
    ["WEB-01", "web01"],
    ["Db.prod_3", "dbProd3"],
    ["7up", "node7up"],
    ["class", "class2"],
    ["password", "password2"],
    ["a.b-C", "aBC"],
  ] as const)("of %s is %s", ([name, id]) => {
    expect(identifiers(["password"])(name)).toBe(id);
  });

  it("are each given once", () => {
    const named = identifiers([]);
    const given = ["a-b", "a.b", "aB", "a_b", "n1", "n-1", "n.1"].map((name) => named(name));
    expect(given).toEqual(["aB", "aB2", "aB3", "aB4", "n1", "n1_2", "n1_3"]);
    expect(named("a", "Eth0")).toBe("aEth0");
  });
});

describe("the program that is printed", () => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const more =
    "pulumi,10.0.1.1,a,52:54:00:00:01:01,1,1 GiB,1 GB,,,,,,\nPULUMI,10.0.1.2,a,52:54:00:00:01:02,1,1 GiB,1 GB,,,,,,\n";

  it.for<{ readonly words: readonly string[] }>([
    { words: [] },
    { words: ["--adopt", "--image", "./old.qcow2", "--image", "debian-12=./d12.qcow2"] },
  ])(
    "with $words type-checks and is formatted as formatters leave it",
    { timeout: 60_000 },
    async ({ words }) => {
      const { out, err } = await run("servers.csv", good + more, ...words);
      expect(err).toBe("");
      expect(typeErrors(root, out)).toEqual([]);
      for (const width of [80, 110]) {
        const how = [
          "format",
          "--stdin-file-path=tools/x.ts",
          "--indent-style=space",
          `--line-width=${width}`,
        ];
        const biome = join(root, "node_modules/.bin/biome");
        const { stdout } = await execa(biome, how, { cwd: root, input: out, stripFinalNewline: false });
        expect(stdout).toBe(out);
      }
    },
  );

  it("is held against the classes of the SDK by this test: a wrong one is found", async () => {
    const { out } = await run("servers.csv", good);
    expect(typeErrors(root, out.replace("cpus: 16", 'cpus: "16"'))).toHaveLength(1);
  }, 60_000);
});

/** What the compiler says of a program in a folder of its own, whose pulumi-baremetal is this checkout's SDK. */
function typeErrors(root: string, program: string): readonly string[] {
  const file = join(root, "examples", "printed.ts");
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const paths = { "pulumi-baremetal": [join(root, "sdk/index.ts")] };
  const host = ts.createCompilerHost(options);
  // It lies there only for the compiler, so that it finds this checkout's modules.
  const { fileExists, readFile } = host;
  host.fileExists = (path) => path === file || fileExists(path);
  host.readFile = (path) => (path === file ? program : readFile(path));
  const checked = ts.createProgram([file], { ...options, paths }, host);
  const source = checked.getSourceFile(file);
  return [...checked.getSyntacticDiagnostics(source), ...checked.getSemanticDiagnostics(source)].map(
    ({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"),
  );
}
