import { describe, expect, it } from "vitest";
import { launchOf, lean } from "../../provider/launch.ts";

describe("how a helper is started", () => {
  it.each<[string, string[], string[]]>([
    [
      "with the loader that we were started with ourselves",
      ["--import", "file:///t.mjs"],
      ["--import", "file:///t.mjs"],
    ],
    ["with tsx, where we were started without one", [], ["--import", import.meta.resolve("tsx")]],
  ])("is %s, and Node's own words come before the program", (_, execArgv, loader) => {
    const { file, args } = launchOf("/usr/bin/node", execArgv);
    const main = args.findIndex((word) => word.endsWith("/provider/main.ts"));
    expect(file).toBe("/usr/bin/node");
    expect(args.slice(0, main)).toEqual([...lean, ...loader]);
    expect(args.slice(main + 1)).toEqual(["helper"]);
  });
});
