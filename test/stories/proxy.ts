import { newContext } from "../../provider/kernel/context.ts";
import { buildTestImages, imageCache } from "../../tools/images/index.ts";
import { readBanner } from "../lab/lab/index.ts";
import { startOtherDhcp } from "../lab/other-dhcp.ts";
import { declareSystems, enrol, install } from "../lab/site.ts";
import { play } from "./lib/scene.ts";
import { check } from "./lib/story.ts";

// Servers of both firmwares on a network whose DHCP is another server's: by BIOS that one knows nothing of network boot, by
// UEFI with Secure Boot it names our address as its next server, which GRUB needs. `npm run story -- proxy`; four minutes.

const images = await buildTestImages(imageCache());
const limits = { power: "10 seconds", callback: "4 minutes", answer: "4 minutes" } as const;
await play({ limits, dhcp: "proxy" }, async ({ lab, site }) => {
  await declareSystems(site, images);
  for (const firmware of ["bios", "uefi"] as const) {
    const other = await startOtherDhcp(lab, firmware === "uefi" ? lab.address : undefined);
    const server = await lab.server({
      name: firmware,
      ...(firmware === "uefi" ? { firmware, secureBoot: true } : {}),
    });
    try {
      await enrol(site, server, { bootMode: firmware });
      const began = Date.now();
      await site.local.perform(newContext(), { kind: "rehearse", node: firmware });
      console.log(`${firmware}: rehearsed in ${Math.round((Date.now() - began) / 1_000)} s`);
      const { address } = await install(site, server, { image: "whole" });
      const banner = await readBanner(String(address), "10 seconds");
      check(/\.2[0-4]\d$/.test(String(address)), `its address is not the other server's: ${address}`);
      console.log(`${firmware}: ${banner} at ${address}`);
    } catch (error) {
      console.log(await server.console());
      console.error(site.log.filter((line) => /dnsmasq/.test(line)).join("\n"));
      throw error;
    } finally {
      await server.stop();
      await other.stop();
    }
  }
});
