import type { BootFiles } from "../../../../drivers/boot/driver.ts";
import type { ImageSpec, InstanceSpec, NodeSpec } from "../../../../resources/index.ts";
import { hintsFor } from "../../../../resources/root-device.ts";
import type { DeploymentRecord } from "../../../../workflows/deployment.ts";
import { bootHttpOf, type SiteSettings } from "../../../settings.ts";
import type { Ref } from "../../../site.ts";
import type { Fetched } from "./fetch.ts";

interface Facts {
  readonly ref: Ref;
  readonly spec: InstanceSpec;
  readonly node: NodeSpec;
  readonly image: ImageSpec;
  readonly record: DeploymentRecord;
  readonly macs: readonly string[];
  readonly fetched: Fetched;
  /** Bytes from the start of the disk that the writer will need: what the ramdisk tries to prove zero. */
  readonly reach: number;
  readonly settings: SiteSettings;
  /** Our address on the provisioning network. */
  readonly server: string;
  /** What a boot loader would have found out of the network. */
  readonly card: readonly string[];
}

/** What the network serves to the server of a deployment. The deploy label's words are Nova's, then our own. */
export function bootFiles(facts: Facts): BootFiles {
  const { ref, image, macs, fetched, settings } = facts;
  const append = settings.pxeAppendParams.split(/\s+/).filter((word) => word !== "");
  const { kernel, ramdisk } = fetched.image;
  return {
    ...{ deployment: ref.name, macs, ...bootHttpOf(settings, facts.server) },
    deploy: { ...fetched.deploy, args: [...deployArgs(facts), ...append] },
    boot:
      kernel && ramdisk
        ? { kernel, ramdisk, args: ["root={ROOT}", "ro", ...append, ...image.kernelArgs] }
        : "local",
  };
}

function deployArgs({ record, spec, node, settings, server, ref, reach, card }: Facts): readonly string[] {
  return [
    "selinux=0",
    // Nova's list, for classic ramdisks, which take the first that is there; our own ramdisk goes by hints.
    "disk=cciss/c0d0,sda,hda,vda",
    `iscsi_target_iqn=iqn.2026-11.baremetal:${ref.name.toLowerCase().replace(/[^a-z0-9.-]/g, "-")}`,
    ...callBackWords(record, server, settings, spec.troubleshoot),
    `zero_bytes=${reach}`,
    ...hintWords(hintsFor(spec, node)),
    ...card,
  ];
}

/** Ironic's name of a hint: `by_path`. */
const ironicName = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Which disk is the system's, as the ramdisk reads it; nothing where no hint is given. */
export function hintWords(given: NonNullable<NodeSpec["rootDeviceHints"]>): readonly string[] {
  const hints = Object.entries(given)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${ironicName(key)}=${encodeURIComponent(String(value))}`);
  return hints.length > 0 ? [`root_device=${hints.join(";")}`] : [];
}

/** How any ramdisk finds the helper, and is known to it. */
export const callBackWords = (
  { id, key }: Pick<DeploymentRecord, "id" | "key">,
  server: string,
  { callbackPort }: Pick<SiteSettings, "callbackPort">,
  troubleshoot = false,
): readonly string[] => [
  `deployment_id=${id}`,
  `deployment_key=${key}`,
  `troubleshoot=${troubleshoot ? 1 : 0}`,
  `deploy_server=${server}`,
  `deploy_port=${callbackPort}`,
];
