import { z } from "zod";
import { across, faultIf } from "../../../kernel/rules.ts";
import { models } from "./models.ts";
import { feed, feedFaults, Oids, PduFeed } from "./outlets.ts";

const inPlace = "in-place";
const names = Object.keys(models) as [keyof typeof models, ...(keyof typeof models)[]];
const text = z.string().min(1);
/** RFC 3414, 11.2: eight characters or more; agents refuse shorter ones. */
const passphrase = z.string().min(8, "must have 8 characters or more");

const ofThree = ["user", "authPassword", "privPassword", "context"] as const;
const ofOthers = ["community", "readCommunity"] as const;

/** A field that other versions do not have. */
const onlyOf = <K extends (typeof ofThree)[number] | (typeof ofOthers)[number]>(
  key: K,
  versions: readonly string[],
  message: string,
) => ({
  reads: ["version", key] as const,
  faults: ({
    version,
    [key]: given,
  }: { readonly version: string } & { readonly [P in K]?: string | undefined }) =>
    faultIf(given !== undefined && !versions.includes(version), key, message),
});

/** A PDU that switches the server's mains by SNMP. */
export const SnmpPdu = across(
  z.strictObject({
    driver: z.literal("snmp-pdu").meta({ description: "Outlets of a PDU, by SNMP.", change: inPlace }),
    ...feed,
    model: z.enum(names).optional().meta({
      description: "Whose objects it has. One that is none of them is described by `oids`.",
      change: inPlace,
    }),
    oids: Oids.optional().meta({
      description: "Objects of one's own, in the place of `model`.",
      change: inPlace,
    }),
    also: z.array(PduFeed).optional().meta({
      description:
        "Further PDUs that feed the server, as where its two supplies are on feeds of their own: of the same model, with the same login.",
      change: inPlace,
    }),
    version: z.enum(["v1", "v2c", "v3"]).default("v2c").meta({
      description: "Of SNMP. Only v3 has secrets that do not travel in clear.",
      change: inPlace,
    }),
    community: text
      .optional()
      .meta({ description: "Of v1 and v2c; it may write.", secret: true, change: inPlace }),
    readCommunity: text.optional().meta({
      description: "The one that looks, where it is another. Default: `community`.",
      secret: true,
      change: inPlace,
    }),
    user: text.optional().meta({ description: "Of v3.", change: inPlace }),
    authProtocol: z.enum(["md5", "sha", "sha224", "sha256", "sha384", "sha512"]).default("sha").meta({
      description: "How v3 proves who asks.",
      change: inPlace,
    }),
    authPassword: passphrase.optional().meta({
      description: "The user's passphrase for that. Without it nobody has to prove anything.",
      secret: true,
      change: inPlace,
    }),
    privProtocol: z.enum(["aes", "aes256b", "aes256r"]).default("aes").meta({
      description:
        "How v3 encrypts: AES-128, or AES-256 with the key made after Blumenthal or after Reeder (Cisco). DES is not offered.",
      change: inPlace,
    }),
    privPassword: passphrase.optional().meta({
      description: "The passphrase for that. Without it all is readable on the way.",
      secret: true,
      change: inPlace,
    }),
    context: z.string().optional().meta({ description: "Context of v3.", change: inPlace }),
  }),
  {
    reads: ["model", "oids"],
    faults: ({ model, oids }) =>
      faultIf(
        (model === undefined) === (oids === undefined),
        "model",
        `Required: \`oids\`, or one of ${names.join(", ")}`,
      ),
  },
  { reads: ["address", "port", "outlets", "also", "model", "oids"], faults: feedFaults },
  {
    reads: ["version", "community"],
    faults: ({ version, community }) =>
      faultIf(
        version !== "v3" && community === undefined,
        "community",
        "Required: v1 and v2c have nothing else",
      ),
  },
  {
    reads: ["version", "user"],
    faults: ({ version, user }) =>
      faultIf(version === "v3" && user === undefined, "user", "Required: v3 has users"),
  },
  ...ofThree.map((key) => onlyOf(key, ["v3"], "is of v3 alone")),
  ...ofOthers.map((key) => onlyOf(key, ["v1", "v2c"], "is of v1 and v2c alone")),
  {
    reads: ["authPassword", "privPassword"],
    faults: ({ authPassword, privPassword }) =>
      faultIf(
        privPassword !== undefined && authPassword === undefined,
        "authPassword",
        "Required: v3 encrypts nothing for a user who proves nothing",
      ),
  },
).meta({ id: "SnmpPdu", description: "A PDU that switches the server's mains by SNMP." });
export type SnmpPdu = z.output<typeof SnmpPdu>;
