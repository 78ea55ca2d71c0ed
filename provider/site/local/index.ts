import { join } from "node:path";
import { createConduct } from "../../drivers/power/conduct/index.ts";
import type { ControllerMemory } from "../../drivers/power/driver.ts";
import { confirmPower, controllerOf, openPower } from "../../drivers/power/index.ts";
import { createKeeper, type Keeper } from "../../drivers/power/kept.ts";
import { forgetRefusedLogin } from "../../drivers/power/login.ts";
import { fewAtOnce, type RunOn } from "../../drivers/power/via.ts";
import { hasRamdisk, isForeign } from "../../kernel/arch.ts";
import { type Context, until } from "../../kernel/context.ts";
import { run } from "../../kernel/process.ts";
import { createImages, defaultLimits } from "../../services/images/index.ts";
import { createUploads } from "../../services/images/uploads.ts";
import { createElsewhere, type Elsewhere } from "../../services/ssh/runs.ts";
import type { Bearer } from "../access.ts";
import type { SiteSettings } from "../settings.ts";
import { ramdiskOf, settingsDigest } from "../settings.ts";
import type { Site } from "../site.ts";
import { wire } from "../wire.ts";
import { createAhead } from "./ahead.ts";
import { leaveStrangers } from "./answering.ts";
import { createSwitchboard } from "./calls.ts";
import { flavors } from "./collections/flavor.ts";
import { images } from "./collections/image.ts";
import { relayBoot } from "./collections/instance/boot.ts";
import { instances } from "./collections/instance/index.ts";
import { interfaces } from "./collections/interface.ts";
import { nodes } from "./collections/node.ts";
import { readConsole } from "./console-reading.ts";
import { createConsoles } from "./consoles.ts";
import { createDetaching } from "./detaching.ts";
import { meetStranger } from "./discovery.ts";
import { drain, underWay } from "./draining.ts";
import { createEnrolling, nameOfSwitched } from "./enrolling.ts";
import { refuseHosts } from "./hosts.ts";
import { endInspection } from "./inspection.ts";
import { createJobs } from "./jobs.ts";
import { type Meter, silentMeter } from "./meter.ts";
import { openNetwork } from "./network/index.ts";
import { perform } from "./operations.ts";
import type { Parts } from "./parts.ts";
import { createPhones } from "./phones.ts";
import { refusePrograms } from "./programs.ts";
import { inspectorOf } from "./rehearsal.ts";
import { resumeJobs } from "./resuming.ts";
import { createRuns } from "./runs.ts";
import { openStore } from "./store/index.ts";
import { createTurns } from "./turns.ts";

/** A site that this process owns, and how it is left. */
export interface LocalSite extends Site {
  readonly busy: () => boolean;
  /** Who a token's bearer is; undefined for one that nobody was given, or that was removed. */
  readonly bearerOf: (token: string) => Promise<Bearer | undefined>;
  /**
   * Ask again for what was cut off with the last helper, without its clients. For a service alone: an embedded helper is
   * started by whoever looks at a site, and no list or preview may switch servers. Answers when all of it has begun.
   */
  readonly resume: (ctx: Context) => Promise<void>;
  /** Begin with no server any more; answers when nothing is under way but what waits for its turn. */
  readonly drained: (ctx: Context) => Promise<void>;
  /** Cut the jobs off (they go on when they are asked again), stop what serves, close the store. */
  readonly close: () => Promise<void>;
}

/** Open the site of these settings. The caller holds the store's lock. */
export async function openLocalSite(
  own: Context,
  settings: SiteSettings,
  version: string,
  meter = silentMeter,
): Promise<LocalSite> {
  const [elsewhere, keeper] = [createElsewhere(), createKeeper()];
  const parts = await openParts(own, settings, { elsewhere, keeper, meter });
  const { store, jobs, network } = parts;
  await leaveStrangers(own, parts);
  const instancesHere = instances(parts);
  const plain = {
    nodes: nodes(parts, inspectorOf(parts), endInspection),
    interfaces: interfaces(parts),
    flavors: flavors(parts),
    images: images(parts, relayBoot(parts)),
    instances: instancesHere,
  };
  const { ahead, collections, close: keepAsked } = createAhead(plain, store);
  return {
    ...collections,
    ahead,
    about: async () => ({
      siteId: store.siteId,
      version,
      wire,
      pid: process.pid,
      settings: settingsDigest(settings),
      jobs: jobs.running(),
      progress: jobs.progress(),
      networks: await network.states(),
      ...(parts.turns.held() ? { draining: true } : {}),
    }),
    uploads: parts.uploads,
    perform: (ctx, operation) => perform(ctx, parts, operation),
    watch: (ctx, collection, name) => jobs.watch(ctx, `${collection}/${name}`),
    console: (ctx, collection, name, request) => readConsole(ctx, parts, collection, name, request),
    bearerOf: store.bearerOf,
    resume: (ctx) => resumeJobs(ctx, parts, { instances: instancesHere }, inspectorOf(parts)),
    async drained(ctx) {
      drain(parts, false);
      await until(ctx, "200 ms", async () => underWay(parts).length === 0);
    },
    busy: () => jobs.running().length > 0,
    async close() {
      await jobs.stop(new Error("the deploy helper ends"));
      await network.close();
      await keeper.close();
      await elsewhere.close();
      await keepAsked();
      await store.close();
    },
  };
}

async function openParts(
  own: Context,
  settings: SiteSettings,
  { elsewhere, keeper, meter }: { elsewhere: Elsewhere; keeper: Keeper; meter: Meter },
): Promise<Parts> {
  const store = await openStore(settings.stateDir);
  const { power: limit } = settings.limits;
  const { gap, gapAfterError, rest, poll, stagger, concurrency } = settings.manners;
  const conduct = createConduct(
    { limit, gap, gapAfterError, rest, poll, stagger, concurrency },
    meter.commanded,
  );
  const switchboard = createSwitchboard();
  const tftpRoot = settings.tftpRoot ?? join(settings.stateDir, "tftp");
  const imagesDir = join(settings.cacheDir, "images");
  const memoryOf = (controller: string): ControllerMemory => ({
    get: (key) => store.recall(controller, key),
    set: (key, value) => store.remember(controller, key, value),
  });
  const here = fewAtOnce(run);
  const runOn: RunOn = (host) => (host ? elsewhere.on(host) : here);
  const parts: Parts = {
    settings,
    store,
    switchboard,
    jobs: createJobs(own),
    meter,
    runs: createRuns(),
    detaching: createDetaching(),
    consoles: createConsoles(own, settings.stateDir),
    turns: createTurns(settings.maxConcurrent),
    network: openNetwork(own, {
      ...{ settings, switchboard, tftpRoot, phoned: createPhones(store, switchboard) },
      asked: (mac, vendorClass) => void meetStranger(own, parts, mac, vendorClass),
    }),
    images: createImages({ dir: imagesDir }),
    uploads: createUploads({ dir: imagesDir, limits: defaultLimits, most: settings.maxUpload }),
    // Loaded when first needed: most calls of a provider never write or boot anything.
    async boot({ bootMode: firmware, arch, boot }) {
      const { openBoot } = await import("../../drivers/boot/index.ts");
      const { loadersFolder } = await import("../../services/ramdisk/loaders.ts");
      const foreign =
        hasRamdisk(arch) && isForeign(arch) ? loadersFolder(ramdiskOf(settings).cacheDir, arch) : undefined;
      const http = settings.bootTransport === "http";
      return openBoot({ firmware, arch, driver: boot?.driver }, { tftpRoot, unpacked: foreign, http });
    },
    async loaders(ctx, arch) {
      if (!hasRamdisk(arch) || !isForeign(arch)) return;
      const { fetchLoaders } = await import("../../services/ramdisk/loaders.ts");
      await fetchLoaders(ctx, arch, ramdiskOf(settings).cacheDir);
    },
    async writer() {
      const { openIscsiPush } = await import("../../drivers/write/index.ts");
      return openIscsiPush();
    },
    async ramdisk(ctx, arch, extra) {
      if (!hasRamdisk(arch)) throw new TypeError(`there is no deploy ramdisk for ${arch}`);
      const { buildRamdisk } = await import("../../services/ramdisk/build.ts");
      return buildRamdisk(ctx, { ...ramdiskOf(settings, arch), extra });
    },
    async hostKeys(ctx, address, port) {
      const { hostKeys } = await import("../../services/hostkeys/index.ts");
      return hostKeys(ctx, address, port);
    },
    enrolling: createEnrolling(),
    confirmPower: (power, state) => confirmPower(power, memoryOf(controllerOf(power)), state),
    forgiveLogin: (power) => forgetRefusedLogin(memoryOf(controllerOf(power))),
    powerOf(power, expected) {
      // Also of a Node that was enrolled before the settings.
      refusePrograms(settings, power);
      refuseHosts(settings, power);
      const controller = controllerOf(power);
      const node = () => nameOfSwitched(parts, power);
      const lent = { memory: memoryOf(controller), kept: keeper.of(controller), runOn, node };
      return conduct.around(openPower(power, lent), expected ? { expected } : {});
    },
  };
  return parts;
}
