import type { Rehearsal } from "../workflows/inspect.ts";

/**
 * A rehearsal's report as it can be attached to an issue: what names this very machine (addresses of cards, serial numbers,
 * UUIDs, names of disks) becomes `mac-1`, `serial-1` …, the same one everywhere. Secrets are not in it to begin with.
 */
export function scrubbed(report: Rehearsal): Rehearsal {
  const { machine, hardware, controller } = report;
  const names = new Map<string, string>();
  const hide = (kind: string, values: readonly (string | undefined)[]) => {
    const own = values.filter((value): value is string => value !== undefined && value !== "");
    for (const value of new Set(own)) {
      if (!names.has(value)) names.set(value, `${kind}-${[...names.values()].filter(of(kind)).length + 1}`);
    }
  };
  hide("node", [report.node]);
  hide("mac", [...machine.macs, ...hardware.nics.map(({ mac }) => mac)]);
  hide("uuid", [machine.productUuid, controller?.guid]);
  hide("serial", [machine.serial, controller?.serial]);
  hide(
    "disk",
    machine.disks.flatMap(({ byId, wwn, serial }) => [byId, wwn, serial]),
  );
  // The longest first: a disk's name holds its serial number.
  const all = [...names].sort(([a], [b]) => b.length - a.length);
  return JSON.parse(JSON.stringify({ ...report, hardware: withoutSwitches(hardware) }), (key, value) =>
    typeof value === "string" && !plainly.has(key)
      ? all.reduce((text, [name, hidden]) => text.replaceAll(name, hidden), value)
      : value,
  ) as Rehearsal;
}

/** Whose switches they are is nobody's business; that somebody spoke is. */
const withoutSwitches = ({ nics, ...hardware }: Rehearsal["hardware"]) => ({
  ...hardware,
  nics: nics.map(({ neighbour, ...nic }) => ({
    ...nic,
    ...(neighbour
      ? { neighbour: { chassisId: "a switch", portId: "a port", systemName: "", portDescription: "" } }
      : {}),
  })),
});

const of = (kind: string) => (name: string) => name.startsWith(`${kind}-`);

/** What is the same for all machines of a kind, and would be spoilt where a serial number is as short as `1`. */
const plainly: ReadonlySet<string> = new Set([
  "at",
  "start",
  "version",
  "driver",
  "bootMode",
  "firmware",
  "step",
]);
