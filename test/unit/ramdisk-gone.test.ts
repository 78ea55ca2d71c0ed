import { expect, it } from "vitest";
import { createGone } from "../../provider/site/local/collections/instance/ramdisk-gone.ts";
import { createSightings, type Sighting } from "../../provider/workflows/seen.ts";

const start = "2026-11-27T10:00:00.000Z";
const minute = 60_000;
const ack: Sighting = { kind: "ack", mac: "52:54:00:00:00:07", ip: "10.99.0.7" };

interface Case {
  readonly what: string;
  readonly steps?: readonly string[];
  readonly seen?: Sighting;
  /** Minutes after the word `done`. */
  readonly after?: number;
  /** Earlier echoes. */
  readonly before?: readonly boolean[];
  readonly gone: boolean;
}

it.for<Case>([
  { what: "the word `done` was said a moment ago", gone: false },
  { what: "it answered all the time since", before: [true, true], gone: false },
  { what: "it was silent meanwhile", before: [true, false, true], gone: true },
  { what: "somebody asked for its address meanwhile", seen: ack, gone: true },
  { what: "it only called again", seen: { kind: "called" }, gone: false },
  { what: "it was told long ago", after: 3, gone: true },
  { what: "no ramdisk of ours was there", steps: ["answer"], gone: true },
])("an echo is taken for the system's or for the ramdisk's: $what", async (given) => {
  const { steps = ["write", "done"], seen, after = 0.5, before = [], gone } = given;
  const sightings = createSightings();
  if (seen) sightings.note(seen);
  const timeline = async () => steps.map((step) => ({ step, start, seconds: 1 }));
  const ask = createGone({ timeline }, sightings, () => Date.parse(start) + after * minute);
  for (const answers of before) await ask("d-1", answers);
  expect(await ask("d-1", true)).toBe(gone);
});
