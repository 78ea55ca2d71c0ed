import { type Cell, cellName } from "../../lab/faults/cell.ts";
import type { Point } from "../../lab/faults/points.ts";

export interface NamedCell extends Cell {
  readonly name: string;
}

/** Steps of a deployment that do something on every server. */
const [first, last] = ["fetch image", "answer"];
const acting = [first, "power off", "configure boot", "power on", "call-back", "look at the disk"];
const later = ["write", "switch boot", "done", last];
/** Those that may have nothing to do. */
const idle = ["look for the ramdisk", "grow the root", "hooks", "boot entry", "power as wanted"];
const writing = ["wiping", "writing", "verifying", "finishing"];
const cleaning = ["power off", "configure boot", "power on", "call-back", "clean", "leave"];
const released = ["powering off", "withdrawing boot files"] as const;
const booting = ["configure boot", "power on", "call-back"];
const moments = ["before", "during", "after"] as const;

const at = (steps: readonly string[], when: readonly (typeof moments)[number][] = moments): Point[] =>
  steps.flatMap((step) => when.map((moment) => ({ step, moment })));
const onQemu = (cell: Cell): Cell => ({ ...cell, server: "qemu" });
const ofPartition = (cell: Cell): Cell => ({ ...cell, image: "partition" });
const reported = (stages: readonly string[], when: readonly ("before" | "during")[]): Point[] =>
  stages.flatMap((stage) => when.map((moment) => ({ stage, moment })));

/** A client's end is one whatever step it comes in, but before the first and after the last one. */
const ofClient = (steps: readonly string[]): Point[] => [
  ...at([first], ["before"]),
  ...at(steps, ["during"]),
  ...at([last], ["after"]),
];

/** The whole matrix, in the order in which it is told. */
export function cells(): readonly NamedCell[] {
  const some = (
    story: Cell["story"],
    who: Cell["who"],
    fault: Cell["fault"],
    points: readonly Point[],
  ): Cell[] => points.map((point) => ({ story, who, fault, point }));
  const all = [
    ...some("deploy", "helper", "kill", [
      ...at([...acting, ...later]),
      ...at(idle, ["before"]),
      ...reported(writing, ["before", "during"]),
    ]),
    ...some("rebuild", "helper", "kill", at([...acting, ...later])),
    ...some("release", "helper", "kill", reported(released, ["before", "during"])),
    ...some("clean", "helper", "kill", at(cleaning)),
    ...some("deploy", "helper", "stop", at([...acting, ...later], ["during"])),
    ...some("rebuild", "helper", "stop", at(["power off", "call-back", "write", "done"], ["during"])),
    ...some("release", "helper", "stop", reported(released, ["before"])),
    ...some("clean", "helper", "stop", at(["call-back", "clean"], ["during"])),
    ...(["deploy", "rebuild"] as const).flatMap((story) => [
      ...some(story, "qemu-img", "kill", reported(writing, ["before", "during"])),
      ...some(story, "qemu-img", "stop", reported(writing, ["before"])),
      ...some(story, "dnsmasq", "kill", at(booting)),
      ...some(story, "dnsmasq", "stop", at(booting, ["before"])),
    ]),
    ...some("release", "dnsmasq", "kill", reported(released, ["before"])),
    ...some("release", "dnsmasq", "stop", reported(released, ["before"])),
    ...some("clean", "dnsmasq", "kill", at(booting, ["before"])),
    ...(["cli", "provider"] as const).flatMap((who) => [
      ...some("deploy", who, "kill", ofClient([...acting, ...later])),
      ...some("rebuild", who, "kill", ofClient([...acting, ...later])),
      ...some("release", who, "kill", reported(released, ["before", "during"])),
      ...some("deploy", who, "stop", at(["call-back", "write"], ["during"])),
      ...some("rebuild", who, "stop", at(["power off"], ["during"])),
      ...some("release", who, "stop", reported([released[0]], ["before"])),
    ]),
    ...some("deploy", "helper", "end", at([...acting, ...later], ["during"])),
    // Before that a server without power is one that is off.
    ...some("deploy", "helper", "blackout", at(["call-back", "look at the disk", ...later], ["during"])),
    ...some("deploy", "helper", "kill", [
      ...at([...acting, ...later], ["during"]),
      ...at(idle, ["before"]),
    ]).map(ofPartition),
    ...some("deploy", "helper", "kill", at([...acting, ...later], ["during"])).map(onQemu),
  ];
  return all.map((cell) => ({ ...cell, name: cellName(cell) }));
}
