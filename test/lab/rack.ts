import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { buildTestImages, imageCache, type TestImages } from "../../tools/images/index.ts";
import { type Lab, openLab } from "./lab/index.ts";
import { programsRunning } from "./programs.ts";
import { bootFilesOf, declareSystems, openSite, type TestSite } from "./site.ts";

/** What the tests of one file share: a lab, a site in it, and the systems that they install. */
export interface Rack {
  readonly folder: string;
  readonly lab: Lab;
  readonly images: TestImages;
  readonly site: TestSite;
}

/** Before all tests of a file. */
export async function openRack(settings: Parameters<typeof openSite>[2] = {}): Promise<Rack> {
  const images = await buildTestImages(imageCache());
  const folder = await mkdtemp(join(tmpdir(), "rack-"));
  const lab = await openLab({ dir: join(folder, "lab") });
  const site = await openSite(lab, join(folder, "state"), settings);
  await declareSystems(site, images);
  return { folder, lab, images, site };
}

/** After them; `site` is the one that is open then. No boot file may be left, and no program. */
export async function closeRack(rack: Rack | undefined, site = rack?.site): Promise<void> {
  const files = site ? await bootFilesOf(site) : [];
  await site?.close();
  await rack?.lab.close();
  const left = await programsRunning();
  if (rack) await rm(rack.folder, { recursive: true, force: true });
  expect([files, left]).toEqual([[], []]);
}
