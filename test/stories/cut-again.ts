import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { buildTestImages, imageCache } from "../../tools/images/index.ts";
import { type PaperServer, readBanner } from "../lab/lab/index.ts";
import { bootFilesOf, enrol, install, nameOn, stagesOf } from "../lab/site.ts";
import { deployStages, endAt } from "./lib/cut.ts";
import { preview, switchingNothing } from "./lib/says.ts";
import { check, type Stage, tell } from "./lib/story.ts";

// The helper ends at each stage of a reinstall that keeps the ephemeral partition. Its successor goes on with it, or the
// program is undone meanwhile. The matrix of `kill` has neither: bytes that a cut-off reinstall must spare, nor a user who
// asks for something else afterwards. `npm run story -- cut-again [WORD…]` tells those with a word.
const mib = 2 ** 20;
const two = await buildTestImages(imageCache(), "2");

await tell(process.argv.slice(2), function* (stage) {
  let made = 0;
  for (const then of ["goes on", "is undone"] as const) {
    for (const at of deployStages) {
      made += 1;
      const name = `s${made}`;
      yield [`helper ends at "${at}", the reinstall ${then}`, () => cutAgain(stage, name, at, then)];
    }
  }
});

async function cutAgain(
  stage: Stage,
  name: string,
  at: string,
  then: "goes on" | "is undone",
): Promise<string> {
  const { root, kernel, ramdisk } = two.partition;
  const small = { cpus: 1, memory: "256 MiB", swap: "16 MiB", ephemeral: "64 MiB" };
  await stage.site.declare("flavors", "kept", { ...small, rootDisk: "512 MiB" });
  await stage.site.declare("flavors", "wider", { ...small, rootDisk: "600 MiB" });
  await stage.site.declare("images", "two", {
    ...{ source: root.path, kernelArgs: ["console=ttyS0"] },
    ...{ kernel: { source: kernel.path }, ramdisk: { source: ramdisk.path } },
  });
  const server = await stage.lab.paper({ name });
  const first = { flavor: "kept", image: "partition", preserveEphemeral: true };
  try {
    await enrol(stage.site, server);
    await install(stage.site, server, first);
    const kept = await ephemeralOf(server);
    const wanted = { ...first, flavor: "wider", image: "two" };
    const { token } = await preview(stage.site, server, wanted);
    const allowed = { ...wanted, allowReinstall: token };
    const outcome = await endAt(stage, at, (options) => install(stage.site, server, allowed, options));
    const state = (await server.isOn()) ? "on" : "off";
    const last = then === "goes on" ? allowed : first;
    const said = await preview(stage.site, server, last);
    const again = said.token === "" ? last : { ...last, allowReinstall: said.token };
    const before = stage.site.progress(nameOn(server)).length;
    const start = Date.now();
    const active = await install(stage.site, server, again);
    const seconds = ((Date.now() - start) / 1000).toFixed(1);
    const stages = stagesOf(stage.site.progress(nameOn(server)).slice(before));
    check(active["provisionState"] === "active", `it is ${active["provisionState"]}`);
    const { uuid, banner } = then === "goes on" ? two.partition : stage.images.partition;
    check(active["rootUuid"] === uuid, `its root is ${active["rootUuid"]}`);
    const runs = await readBanner(String(active["address"]), "10 seconds");
    check(runs.includes(banner), `it says ${runs}`);
    check((await ephemeralOf(server)) === kept, "a byte of the ephemeral partition was changed");
    await switchingNothing(server, () => install(stage.site, server, again));
    check((await preview(stage.site, server, again)).effect === "none", "there is still something to do");
    await stage.site.remove("instances", nameOn(server));
    check(!(await server.isOn()), "it is still on after its removal");
    const files = await bootFilesOf(stage.site);
    check(files.length === 0, `boot files are left: ${files.join(", ")}`);
    return `${outcome}, server ${state}; then ${said.effect}${said.token && " (with a token)"}, ${seconds} s: ${stages.join(", ")}`;
  } finally {
    await server.stop();
  }
}

async function ephemeralOf(server: PaperServer): Promise<string> {
  const file = await open(server.diskPath());
  const { buffer } = await file.read(Buffer.alloc(64 * mib), 0, 64 * mib, mib);
  await file.close();
  return createHash("sha256").update(buffer).digest("hex");
}
