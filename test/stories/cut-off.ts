import { newContext } from "../../provider/kernel/context.ts";
import { expectWhole } from "../lab/installed.ts";
import { bootFilesOf, commandsTo, enrol, install, nameOn, stagesOf } from "../lab/site.ts";
import { deployStages, endAt } from "./lib/cut.ts";
import { check, type Stage, tell } from "./lib/story.ts";

// The helper ends at each stage of a deployment, once with a server that stays as it is and once with one whose power is
// cut meanwhile; its successor has to bring it to its end. `npm run story -- cut-off [WORD…]` tells those with a word.
await tell(process.argv.slice(2), function* (stage) {
  let made = 0;
  const one = (at: string, image: string, power: Case["power"]) => {
    made += 1;
    const name = `s${made}`;
    const title = `${image} image, helper ends at "${at}", power ${power}`;
    return [title, () => cutOff(stage, { name, image, power, at })] as const;
  };
  for (const at of deployStages) yield one(at, "whole", "kept");
  for (const at of deployStages) yield one(at, "partition", "kept");
  for (const at of deployStages.slice(deployStages.indexOf("waiting for the ramdisk")))
    yield one(at, "whole", "cut");
});

interface Case {
  readonly name: string;
  readonly image: string;
  readonly power: "kept" | "cut";
  readonly at: string;
}

async function cutOff(stage: Stage, { name, image, power, at }: Case): Promise<string> {
  const server = await stage.lab.paper({ name });
  try {
    await enrol(stage.site, server);
    const outcome = await endAt(stage, at, (options) => install(stage.site, server, { image }, options));
    const state = (await server.isOn()) ? "on" : "off";
    if (power === "cut") await server.pull();
    const start = Date.now();
    const active = await install(stage.site, server, { image });
    const seconds = ((Date.now() - start) / 1000).toFixed(1);
    const again = stagesOf(stage.site.progress(nameOn(server)));
    check(active["provisionState"] === "active", `it is ${active["provisionState"]}`);
    check(
      (await stage.site.local.instances.list(newContext())).length === 1,
      "there is more than one instance",
    );
    if (image === "whole") await expectWhole(server.diskPath(), stage.images.whole);
    else check(active["rootUuid"] === stage.images.partition.uuid, "the root's UUID is another one");
    const before = await commandsTo(server);
    await install(stage.site, server, { image });
    check((await commandsTo(server)).length === before.length, "asked again, it gave power commands");
    await stage.site.remove("instances", nameOn(server));
    check(!(await server.isOn()), "it is still on after its removal");
    const files = await bootFilesOf(stage.site);
    check(files.length === 0, `boot files are left: ${files.join(", ")}`);
    return `${outcome}, server ${state}; then ${seconds} s: ${again.join(", ")}`;
  } finally {
    await server.stop();
  }
}
