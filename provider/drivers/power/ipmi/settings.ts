import { z } from "zod";
import { across, faultIf } from "../../../kernel/rules.ts";
import { isHost } from "../name.ts";
import { via } from "../via.ts";

/** A Kg as its bytes: `0x…` is hexadecimal, anything else text. */
export const kgBytes = (kg: string): Buffer =>
  kg.startsWith("0x") ? Buffer.from(kg.slice(2), "hex") : Buffer.from(kg, "utf8");

const bytes = (text: string) => Buffer.byteLength(text, "utf8");
const noZero = (text: string) => !text.includes("\0");
const goodKg = (kg: string) =>
  (kg.startsWith("0x") ? /^0x(?:[0-9a-fA-F]{2})+$/.test(kg) : kg !== "") && kgBytes(kg).length <= 20;
const inPlace = "in-place";

/** A server's management controller (BMC) that speaks IPMI 2.0 over the network. */
export const Ipmi = across(
  z.strictObject({
    driver: z.literal("ipmi").meta({ description: "IPMI 2.0 over LAN.", change: inPlace }),
    address: z
      .string()
      .refine(isHost, "must be an IP address or a host name")
      .meta({ description: "Address or name of the controller.", change: inPlace }),
    port: z
      .int()
      .min(1)
      .max(65535)
      .default(623)
      .meta({ description: "UDP port of the controller.", change: inPlace }),
    user: z
      .string()
      .refine(
        (text) => text !== "" && bytes(text) <= 16,
        "must have 1 to 16 bytes: IPMI has no room for more",
      )
      .refine(noZero, "must not hold a zero byte")
      .meta({ description: "Account on the controller; it needs the operator privilege.", change: inPlace }),
    password: z
      .string()
      .refine((text) => bytes(text) <= 20, "must have at most 20 bytes: IPMI 2.0 has no room for more")
      .refine(noZero, "must not hold a zero byte")
      .meta({ description: "Its password; may be empty.", secret: true, change: inPlace }),
    kg: z
      .string()
      .refine(goodKg, "must be text or 0x and hexadecimal digits, of 1 to 20 bytes")
      .refine((kg) => !kgBytes(kg).includes(0), "must not hold a zero byte: only an argument could carry it")
      .optional()
      .meta({
        description:
          "The controller's own session key (Kg), where one is set: text, or 0x and hexadecimal digits.",
        secret: true,
        change: inPlace,
      }),
    privilege: z.enum(["CALLBACK", "USER", "OPERATOR", "ADMINISTRATOR"]).default("OPERATOR").meta({
      description: "Privilege asked for in a session. Power and boot need OPERATOR; USER can only look.",
      change: inPlace,
    }),
    cipherSuite: z
      .union([z.literal("probe"), z.int().min(1, "suite 0 lets everybody in").max(17)])
      .default("probe")
      .meta({
        description: "Cipher suite of a session. `probe` tries 17, then 3, and remembers which one served.",
        change: inPlace,
      }),
    client: z.enum(["native", "ipmitool"]).optional().meta({
      description:
        "Who talks to the controller. `native`: the deploy helper itself; `ipmitool`: that program, a process for each command. Default: the helper, and ipmitool from then on where that alone is let in with the same login. The serial console, the identity, and all that goes `via` another host are ipmitool's.",
      change: inPlace,
    }),
    console: z.enum(["none", "sol"]).optional().meta({
      description:
        "`sol`: what the server says by serial-over-LAN while it is installed or visited goes into its console log. A session of somebody else is left alone. Default: `none`.",
      change: inPlace,
    }),
    via,
  }),
  {
    reads: ["console", "via"],
    faults: ({ console, via }) =>
      faultIf(
        console === "sol" && via !== undefined,
        "console",
        "Serial-over-LAN is not heard through another host: leave `via` or `console` out",
      ),
  },
).meta({ id: "Ipmi", description: "A power controller that speaks IPMI 2.0 over the network." });
export type Ipmi = z.output<typeof Ipmi>;
