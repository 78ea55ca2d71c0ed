import { newContext } from "../../provider/kernel/context.ts";
import { buildTestImages, imageCache } from "../../tools/images/index.ts";
import { readBanner } from "../lab/lab/index.ts";
import { declareSystems, enrol, install } from "../lab/site.ts";
import { play } from "./lib/scene.ts";
import { check } from "./lib/story.ts";

// A BIOS server whose kernels and ramdisks come by HTTP: a rehearsal, then a partition image, which boots its own kernel from
// the network too. `npm run story -- boot-http`; two minutes.

const images = await buildTestImages(imageCache());
const limits = { power: "10 seconds", callback: "5 minutes", answer: "5 minutes" } as const;
await play({ limits, bootTransport: "http" }, async ({ lab, site }) => {
  await declareSystems(site, images);
  const server = await lab.server({ name: "swift" });
  await enrol(site, server);
  await site.local.perform(newContext(), { kind: "rehearse", node: server.name });
  console.log("rehearsed: the files of a visit arrived by HTTP");
  const state = await install(site, server, { image: "partition" });
  const timeline = state["timeline"] as readonly { step: string; seconds: number }[];
  console.log(timeline.map(({ step, seconds }) => `${step} ${seconds} s`).join(", "));
  const banner = await readBanner(String(state["address"]), "10 seconds");
  check(banner.includes(images.partition.banner), `another system answers: ${banner}`);
  const byTftp = site.log.filter((line) => /dnsmasq: sent/.test(line) && /kernel|ramdisk/.test(line));
  check(byTftp.length === 0, `these came by TFTP: ${byTftp.join("; ")}`);
  console.log(banner);
});
