import { stringify } from "yaml";
import { encodeFat, type FatFile } from "../volumes/fat.ts";
import { type Networks, networkConfig } from "./network.ts";
import { hostKeyFields } from "./phone-home.ts";

/** What a system is told at its first boot. */
export interface SystemConfiguration {
  /** Another one is another system to cloud-init, which then does everything anew. */
  readonly instanceId: string;
  readonly hostname?: string | undefined;
  readonly sshKeys?: readonly string[] | undefined;
  readonly userData?: string | undefined;
  readonly networks?: Networks | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Where the system tells, once everything else is done, that it is up. */
  readonly phoneHome?: PhoneHomeCall | undefined;
}

interface PhoneHomeCall {
  readonly url: string;
  /** cloud-init waits three seconds between two of them. */
  readonly tries: number;
}

/** Bytes of the volume, and of its partition. */
export const volumeSize = 2 ** 20;
/** The label by which cloud-init's data source NoCloud finds it (its documentation, "NoCloud"). */
const label = "cidata";

/**
 * The files of a NoCloud seed. Host name and keys go into meta-data and phone_home into vendor-data, where cloud-init finds
 * them whatever the user data is: a script or a multipart message needs no wrapping for their sake, and no program's
 * cloud-config is rewritten. What it says itself goes before vendor-data (cloud-init's documentation, "Vendor data").
 */
export function nocloudFiles(configuration: SystemConfiguration): readonly FatFile[] {
  const { userData, networks, phoneHome } = configuration;
  const text = (name: string, content: string): FatFile => ({ name, content: Buffer.from(content) });
  return [
    text("meta-data", yaml(metaData(configuration))),
    // NoCloud takes a volume without user-data for none of its own.
    text("user-data", userData ?? "#cloud-config\n{}\n"),
    ...(phoneHome ? [text("vendor-data", `#cloud-config\n${yaml(vendorData(phoneHome))}`)] : []),
    ...(networks ? [text("network-config", yaml(networkConfig(networks)))] : []),
  ];
}

function metaData({ instanceId, hostname, sshKeys, metadata }: SystemConfiguration): object {
  return {
    "instance-id": instanceId,
    ...(hostname === undefined ? {} : { "local-hostname": hostname }),
    ...(sshKeys?.length ? { "public-keys": sshKeys } : {}),
    // OpenStack's word for what an instance's owner wrote: ds.meta_data.meta in a template.
    ...(metadata ? { meta: metadata } : {}),
  };
}

// Not `post: all`: that asks for a DSA key, and cloud-init warns in its status that there is none.
const vendorData = ({ url, tries }: PhoneHomeCall): object => ({
  phone_home: { url, post: ["instance_id", "hostname", ...hostKeyFields], tries },
});

// cloud-init reads YAML 1.1, where `on`, `1:30` and the like are no strings: all are quoted.
const yaml = (value: object): string =>
  stringify(value, {
    version: "1.1",
    defaultStringType: "QUOTE_DOUBLE",
    defaultKeyType: "PLAIN",
    lineWidth: 0,
  });

/** The file system that goes beside the image, for a disk with such sectors. */
export const nocloudVolume = (configuration: SystemConfiguration, sector: number): Buffer =>
  encodeFat({ label, files: nocloudFiles(configuration), size: volumeSize, sector });
