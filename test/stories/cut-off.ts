import { execa } from "execa";
import { newContext, type Progress } from "../../provider/kernel/context.ts";
import type { PaperServer } from "../lab/lab/index.ts";
import { programsRunning } from "../lab/programs.ts";
import { bootFilesOf, commandsTo, enrol, install, nameOn, stagesOf } from "../lab/site.ts";
import { check, type Stage, tell } from "./lib/story.ts";

// The helper ends at each stage of a deployment, once with a server that stays as it is and once with one whose power is
// cut meanwhile; its successor has to bring it to its end. `npm run story -- cut-off [WORD…]` tells those with a word.
const stages = [
  ...["claiming", "fetching image", "powering off", "configuring boot", "powering on"],
  ...["waiting for the ramdisk", "looking at the disk", "wiping", "writing", "verifying", "finishing"],
  ...["switching boot", "rebooting", "waiting for the system"],
];

await tell(process.argv.slice(2), function* (stage) {
  let made = 0;
  const one = (at: string, image: string, power: Case["power"]) => {
    made += 1;
    const name = `s${made}`;
    const title = `${image} image, helper ends at "${at}", power ${power}`;
    return [title, () => cutOff(stage, { name, image, power, at })] as const;
  };
  for (const at of stages) yield one(at, "whole", "kept");
  for (const at of stages) yield one(at, "partition", "kept");
  for (const at of stages.slice(stages.indexOf("waiting for the ramdisk"))) yield one(at, "whole", "cut");
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
    const outcome = await endAt(stage, server, image, at);
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
    if (image === "whole") await compare(stage.images.whole.disk.path, server.diskPath());
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

/** Install until the stage is reached, end the helper there, and open its successor. */
async function endAt(stage: Stage, server: PaperServer, image: string, at: string): Promise<string> {
  let reached = () => {};
  const there = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const onProgress = (progress: Progress) => progress.stage === at && reached();
  const ended = Promise.allSettled([install(stage.site, server, { image }, { onProgress })]);
  await Promise.race([there, ended]);
  const successor = stage.site.reopen();
  const [outcome] = await ended;
  stage.site = await successor;
  const left = (await programsRunning()).filter((stat) => /\((qemu|ipmitool|dnsmasq)/.test(stat));
  check(left.length === 0, `programs outlived the helper: ${left.join("; ")}`);
  return outcome.status === "rejected" ? "cut off" : "too late, it was done";
}

async function compare(image: string, disk: string): Promise<void> {
  await execa("qemu-img", ["compare", "-q", "-f", "qcow2", "-F", "raw", image, disk]);
}
