import { z } from "zod";
import { isHostname } from "../services/cloudinit/hostname.ts";
import { sshKeyFault } from "../services/cloudinit/ssh-key.ts";
import { lookAtUserData } from "../services/cloudinit/user-data.ts";
import { isObject } from "./unknown.ts";

/** What a system is told at its first boot: inputs of an Instance. All of it fits the volume beside the image. */

const KiB = 1024;
/** Together they stay below the 1 MiB of the volume (services/cloudinit/documents.ts). */
export const most = {
  userData: 512 * KiB,
  sshKeys: 96 * KiB,
  metadata: 64 * KiB,
  networks: 96 * KiB,
} as const;

/** At most so many bytes of UTF-8. */
export const fits = (text: string, limit: number): boolean => Buffer.byteLength(text) <= limit;

export const hostname = z
  .string()
  .refine(isHostname, {
    error:
      'Expected a host name of letters, digits and dashes, with a domain or without one, at most 64 characters, as in "web-1"',
  })
  .optional()
  .meta({
    description: "Name of the system. Default, where it is told anything at all: the instance's name.",
    change: "reinstall",
  });

const sshKey = z.string().superRefine((text, ctx) => {
  const fault = sshKeyFault(text);
  if (fault !== undefined) ctx.addIssue({ code: "custom", message: fault });
});

export const sshKeys = z
  .array(sshKey)
  .refine((keys) => fits(keys.join("\n"), most.sshKeys), { error: "Expected at most 96 KiB of keys" })
  .optional()
  .meta({
    description: "OpenSSH public keys that may log in as the image's default user.",
    change: "reinstall",
  });

export const userData = z
  .string()
  .superRefine((text, ctx) => {
    const fault = userDataFault(text);
    if (fault !== undefined) ctx.addIssue({ code: "custom", message: fault });
  })
  .optional()
  .meta({
    description:
      "What cloud-init or Ignition does at the first boot: a cloud-config, a script, a multipart message, an Ignition document. At most 512 KiB.",
    change: "reinstall",
    secret: true,
  });

function userDataFault(text: string): string | undefined {
  if (!fits(text, most.userData))
    return `Expected at most 512 KiB, not ${Math.ceil(Buffer.byteLength(text) / KiB)} KiB: let it fetch the rest`;
  const look = lookAtUserData(text);
  if (look === undefined)
    return 'Expected a first line that says what it is: "#cloud-config", "#!" and an interpreter, "Content-Type: multipart/…", or an Ignition document';
  return look.fault === undefined ? undefined : `As ${nameOf[look.kind]} it is at fault: ${look.fault}`;
}

const nameOf = {
  "cloud-config": "a cloud-config",
  script: "a script",
  multipart: "a multipart message",
  ignition: "an Ignition document",
  other: "a list",
} as const;

export const metadata = z
  .record(
    z
      .string()
      .regex(/^[A-Za-z0-9][\w.-]{0,62}$/, "Expected a name of letters, digits, dots, dashes and underscores"),
    z.string(),
  )
  .refine((given) => fits(JSON.stringify(given), most.metadata), { error: "Expected at most 64 KiB in all" })
  .optional()
  .meta({
    description:
      "Words of your own for the system, `ds.meta_data.meta` in cloud-init's templates. Not for secrets.",
    change: "reinstall",
  });

interface Configuration {
  readonly hostname?: unknown;
  readonly sshKeys?: unknown;
  readonly networks?: unknown;
  readonly userData?: unknown;
  readonly waitFor?: unknown;
  readonly metadata?: unknown;
  readonly configureBy?: unknown;
}

/** What user data makes of the other inputs: the fields that would have no effect, each with the reason. */
export function idleFields(
  given: Configuration,
): readonly { readonly field: string; readonly reason: string }[] {
  if (given.configureBy === "files") return beyondFiles(given);
  const look = typeof given.userData === "string" ? lookAtUserData(given.userData) : undefined;
  if (look?.kind === "ignition") {
    const own = (["hostname", "sshKeys", "networks"] as const).filter((field) => given[field] !== undefined);
    return [
      ...own.map((field) => ({ field, reason: "Ignition reads its own document only: put this into it" })),
      ...phoning(given, "Ignition phones nobody"),
    ];
  }
  const says = (...names: readonly string[]) => look?.keys.find((key) => names.includes(key));
  const [named, phones, vendor] = [says("hostname", "fqdn"), says("phone_home"), says("vendor_data")];
  const other = phones ?? vendor;
  return [
    ...(named === undefined || given.hostname === undefined
      ? []
      : [
          {
            field: "hostname",
            reason: `The cloud-config in userData says ${named}, too, and would win: keep one of them`,
          },
        ]),
    ...(other === undefined
      ? []
      : phoning(given, `The cloud-config in userData says ${other}, and would win`)),
  ];
}

/** What files cannot tell. */
function beyondFiles(given: Configuration): readonly { readonly field: string; readonly reason: string }[] {
  const none = (["userData", "metadata"] as const).filter((field) => given[field] !== undefined);
  const networks = isObject(given.networks) ? given.networks : {};
  const more = ["bonds", "vlans"].filter((key) => [networks[key]].flat().some((one) => one !== undefined));
  return [
    ...none.map((field) => ({
      field,
      reason: 'Only cloud-init reads it: configureBy: "files" cannot tell it',
    })),
    ...(more.length === 0
      ? []
      : [
          {
            field: "networks",
            reason: `Files tell cards alone: configureBy: "files" knows no ${more.join(" or ")}`,
          },
        ]),
    ...phoning(given, "A system without cloud-init phones nobody"),
  ];
}

const phoning = ({ waitFor }: Configuration, why: string) =>
  waitFor === "phone-home" ? [{ field: "waitFor", reason: `${why}: wait for something else` }] : [];
