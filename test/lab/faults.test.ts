import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { underFault } from "./faults/row.ts";
import { hostRows } from "./faults/rows-host.ts";
import { networkRows } from "./faults/rows-network.ts";
import { closeRack, openRack, type Rack } from "./rack.ts";

// Some rows of `npm run story -- faults`, those that take no time; the disk of the cache is not filled here.
const noDisk = { fill: async () => {}, free: async () => {}, unmount: async () => {} };
const chosen = [
  "DHCP is silent twice",
  "iSCSI is reset",
  "sent five times",
  "an hour back while powering on",
];
const rows = [...networkRows, ...hostRows(noDisk)].filter(({ title }) =>
  chosen.some((words) => title.includes(words)),
);

let rack: Rack;
beforeAll(async () => {
  rack = await openRack();
});
afterAll(() => closeRack(rack));

describe.concurrent("a deployment under a fault ends as it may, and active once that is gone", () => {
  it.for(rows)("$title", async (row) => {
    await expect(underFault(row, rack, `f${rows.indexOf(row)}`)).resolves.toMatch(/active in/);
  });
});
