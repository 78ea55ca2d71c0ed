import { pingProbe } from "./ping.ts";
import { portProbe } from "./port.ts";
import type { Probe, ProbeKind } from "./probe.ts";
import { sshProbe } from "./ssh.ts";

/** The probes that there are. */
export function openProbe(kind: ProbeKind): Probe {
  switch (kind) {
    case "ping":
      return pingProbe;
    case "ssh":
      return sshProbe();
    default:
      return portProbe(kind.port);
  }
}
