import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { programs } from "../../provider/cli/programs.ts";
import { ServiceSettings } from "../../provider/serve/settings.ts";
import { unitOf } from "../../provider/serve/unit.ts";

const recipe = await readFile(new URL("../../packaging/oci/Containerfile", import.meta.url), "utf8");

describe("the recipe of the image", () => {
  it("installs what doctor looks for, and nothing but what it runs on beside that", () => {
    const [, list = ""] =
      /FROM [^\n]*slim\n#[\s\S]*?--no-install-recommends \\\n([\s\S]*?) && apt-get clean/.exec(recipe) ?? [];
    const installed = list.split("\n").flatMap((line) => /^ +(\S+) \\$/.exec(line)?.[1] ?? []);
    const needed = programs.map((need) => need.package);
    // qemu-img's iSCSI is a module of its own, which doctor asks qemu-img for.
    const beside = ["ca-certificates", "nodejs", "qemu-block-extra"];
    expect(installed).toEqual([...new Set([...needed, ...beside])].sort());
  });

  it("keeps the capabilities of the systemd unit, and works in its folders", () => {
    const places = { stateDir: "/var/lib/pulumi-baremetal", cacheDir: "/var/cache/pulumi-baremetal" };
    const unit = unitOf(ServiceSettings.parse(places), "/etc/x.yaml", {
      file: "node",
      args: ["helper"],
      version: "1",
    });
    const [, words = ""] = /^AmbientCapabilities=(.*)$/m.exec(unit) ?? [];
    const capabilities = words.split(" ").map((word) => `+${word.replace("CAP_", "").toLowerCase()}`);
    const given = [...recipe.matchAll(/"-all,(\+[^"]+)"/g)].map(([, one = ""]) => one.split(",").sort());
    expect(given).toEqual(Array(3).fill([...capabilities].sort()));
    for (const place of Object.values(places)) expect(recipe).toContain(`"${place}"`);
  });
});
