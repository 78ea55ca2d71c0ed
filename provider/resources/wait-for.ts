import { z } from "zod";
import { sshPort } from "../services/probes/probe.ts";

/** When an instance counts as done. */
export const WaitFor = z
  .union([
    z.enum(["written", "ping", "ssh", "phone-home"]),
    z
      .strictObject({ port: z.int().min(1).max(65535).meta({ description: "The TCP port." }) })
      .meta({ id: "WaitForPort", description: "A TCP port that must answer." }),
  ])
  .meta({ id: "WaitFor" });
export type WaitFor = z.output<typeof WaitFor>;

/** What is waited for, as a step of a plan; undefined for nothing. */
export function waitAction(waitFor: WaitFor): string | undefined {
  switch (waitFor) {
    case "written":
      return undefined;
    case "ping":
      return "wait until it answers ping";
    case "ssh":
      return "wait for its SSH server";
    case "phone-home":
      return "wait until it phones home";
    default:
      return `wait for port ${waitFor.port}`;
  }
}

/** Where its SSH host keys may be looked at; undefined where no SSH server is spoken of. */
export function hostKeyPort(waitFor: WaitFor): number | undefined {
  if (typeof waitFor === "object") return waitFor.port;
  return waitFor === "ssh" || waitFor === "phone-home" ? sshPort : undefined;
}
