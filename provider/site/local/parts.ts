import type { BootDriver } from "../../drivers/boot/driver.ts";
import type { ConductedPower } from "../../drivers/power/conduct/index.ts";
import type { ControllerIdentity } from "../../drivers/power/driver.ts";
import type { WriteDriver } from "../../drivers/write/driver.ts";
import type { Arch } from "../../kernel/arch.ts";
import type { Context } from "../../kernel/context.ts";
import type { NodeSpec } from "../../resources/index.ts";
import type { Images } from "../../services/images/types.ts";
import type { UploadStore } from "../../services/images/uploads.ts";
import type { BuiltRamdisk } from "../../services/ramdisk/build.ts";
import type { ExtraInitrd } from "../../services/ramdisk/flavours.ts";
import type { SiteSettings } from "../settings.ts";
import type { Switchboard } from "./calls.ts";
import type { Consoles } from "./consoles.ts";
import type { Detaching } from "./detaching.ts";
import type { Enrolling } from "./enrolling.ts";
import type { Jobs } from "./jobs.ts";
import type { Meter } from "./meter.ts";
import type { Network } from "./network/network.ts";
import type { Runs } from "./runs.ts";
import type { Store } from "./store/index.ts";
import type { Turns } from "./turns.ts";

/** What the collections of a local site are made of, put together once by the helper. */
export interface Parts {
  readonly settings: SiteSettings;
  readonly store: Store;
  readonly jobs: Jobs;
  readonly meter: Meter;
  readonly runs: Runs;
  readonly detaching: Detaching;
  readonly consoles: Consoles;
  /** One for each deployment under way. */
  readonly turns: Turns;
  readonly switchboard: Switchboard;
  readonly network: Network;
  readonly images: Images;
  /** Files of clients' hosts, on their way into the image cache. */
  readonly uploads: UploadStore;
  /** The network boot of servers that start this way. */
  readonly boot: (node: Pick<NodeSpec, "bootMode" | "arch" | "boot">) => Promise<BootDriver>;
  /** Bring the boot loaders of servers of another architecture than this host's; those of its own are installed. */
  readonly loaders: (ctx: Context, arch: Arch) => Promise<void>;
  readonly writer: () => Promise<WriteDriver>;
  /** Our own deploy ramdisk, or that of visits which need more, for an architecture that has one. */
  readonly ramdisk: (ctx: Context, arch: Arch, extra?: ExtraInitrd) => Promise<BuiltRamdisk>;
  /** The controller of a node, with the site's manners around it. */
  readonly powerOf: (spec: NodeSpec["power"], expected?: ControllerIdentity) => ConductedPower;
  readonly enrolling: Enrolling;
  /** Take a person's word for the state of a server that they switch. */
  readonly confirmPower: (
    spec: NodeSpec["power"],
    state: "on" | "off" | undefined,
  ) => Promise<"on" | "off" | "by itself" | undefined>;
  /** Try refused credentials again: somebody mended the account on the controller itself. */
  readonly forgiveLogin: (spec: NodeSpec["power"]) => Promise<void>;
  /** The SSH host keys that a port shows; empty where it speaks no SSH, or this host cannot ask. */
  readonly hostKeys: (ctx: Context, address: string, port: number) => Promise<readonly string[]>;
}
