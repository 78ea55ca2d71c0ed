import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newContext } from "../../provider/kernel/context.ts";
import { buildTestImages, imageCache } from "../../tools/images/index.ts";
import { openLab, readBanner } from "../lab/lab/index.ts";
import { startOtherDhcp } from "../lab/other-dhcp.ts";
import { declareSystems, enrol, install, openSite } from "../lab/site.ts";
import { check } from "./lib/story.ts";

// Servers of both firmwares on a network whose DHCP is another server's: by BIOS that one knows nothing of network boot, by
// UEFI with Secure Boot it names our address as its next server, which GRUB needs. `npm run story -- proxy`; four minutes.

const images = await buildTestImages(imageCache());
const folder = await mkdtemp(join(tmpdir(), "story-proxy-"));
const lab = await openLab({ dir: join(folder, "lab") });
const limits = { power: "10 seconds", callback: "4 minutes", answer: "4 minutes" } as const;
const site = await openSite(lab, join(folder, "state"), { limits, dhcp: "proxy" });
try {
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
      throw error;
    } finally {
      await server.stop();
      await other.stop();
    }
  }
} catch (error) {
  console.error(`FAILED: ${error instanceof Error ? error.stack : String(error)}`);
  console.error(site.log.filter((line) => /dnsmasq/.test(line)).join("\n"));
  process.exitCode = 1;
} finally {
  await site.close();
  await lab.close();
  await rm(folder, { recursive: true, force: true });
}
