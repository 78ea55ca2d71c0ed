import { describe, expect, it } from "vitest";
import { resources } from "../../provider/resources/index.ts";
import type { Change, Kind } from "../../provider/resources/resource.ts";
import { shapeOf } from "../../provider/resources/shape.ts";
import type { Spec } from "../../provider/site/site.ts";
import { changeRows, exceptions } from "../../tools/generate/changes.ts";
import { changeWords } from "../../tools/generate/words.ts";
import { type Case, type Outcome, tellChange } from "../fixtures/change-world.ts";
import { type Becomes, rows } from "../fixtures/changes.ts";

// The action that is announced is the action that is performed, for every field of every resource.

const definitions = Object.values(resources);
const fieldsOf = (kind: Kind) =>
  shapeOf(definitions.find((one) => one.kind === kind)?.inputs ?? resources.nodes.inputs).fields ?? {};
const every = definitions.flatMap(({ kind }) =>
  Object.entries(rows[kind]).map(([field, row]) => ({ kind, field, row })),
);
const special = every.flatMap(({ kind, field, row }) =>
  (row.also ?? []).map((also, index) => ({ kind, field, also, index })),
);

/** Refused or not, announced is performed; refused, nothing was touched. */
async function make(of: Case): Promise<Outcome> {
  const outcome = await tellChange(of);
  expect(outcome.performed, outcome.reasons.join("\n")).toBe(outcome.announced);
  if (outcome.performed === "refused") {
    expect(outcome.traces.after).toEqual(outcome.traces.before);
    expect(outcome.reasons.length).toBeGreaterThanOrEqual(3);
  } else expect(new Set(outcome.again), "the next run has nothing to do").toEqual(new Set(["unchanged"]));
  return outcome;
}

/** What a change is, as it was seen: without any permission, and with it where that is asked for. */
async function seenOf(kind: Kind, becomes: Becomes, held: boolean): Promise<Outcome> {
  const plain = await make({ ...becomes, kind, held, allow: false });
  const asks = plain.reasons.every((reason) => reason.includes("INSTANCE_WOULD_ERASE"));
  if (plain.performed !== "refused" || !asks) return plain;
  const allowed = await make({ ...becomes, kind, held, allow: true });
  expect(["reinstall", "replace"], "only an erasure asks").toContain(allowed.performed);
  return allowed;
}

/** What the schema would call what was seen on a free server, and on one with an instance. */
function changeOf(free: Outcome, held: Outcome): Change {
  if (held.performed === "refused" && free.performed !== "refused") {
    expect(held.reasons.join()).toMatch(/NODE_HELD|INTERFACE_IN_USE|VISIT_REFUSED/);
    return free.performed === "replace" ? "replace" : "refused-in-use";
  }
  return held.performed as Change;
}

describe("the table of changes", () => {
  it.for(definitions)("has every field of $kind", ({ kind }) => {
    expect(Object.keys(rows[kind])).toEqual(Object.keys(fieldsOf(kind)));
  });
  it("has every exception of the page, in its order", () => {
    const listed = Object.fromEntries(
      every.flatMap(({ kind, field, row }) =>
        row.also ? [[`${kind}.${field}`, row.also.map(({ does }) => does)]] : [],
      ),
    );
    const told = Object.entries(exceptions).map(([key, all]) => [key, all.map(({ does }) => does)]);
    expect(listed).toEqual(Object.fromEntries(told));
  });
});

describe("a change", () => {
  it.for(every)(
    "of $field of $kind does what its schema and the page say, and was announced",
    async ({ kind, field, row }) => {
      const alone = kind === "Node" || kind === "Interface";
      const held = await seenOf(kind, row, true);
      const free = alone ? await seenOf(kind, row, false) : held;
      const seen = changeOf(free, held);
      const { change } = fieldsOf(kind)[field] ?? {};
      expect(seen).toBe(change);
      const page = changeRows(Object.values(resources).find((one) => one.kind === kind) ?? resources.nodes);
      expect(page.find((line) => line.field === field)?.does).toBe(changeWords[seen]);
      if (seen === "refused") return;
      if (seen === "none") return expect(String(free.state?.[field])).toMatch(/^sha256:(?!of the program)/);
      // What differs is told, what was asked for is kept.
      expect(free.changed).toContain(field);
      expect(free.state?.[field]).toEqual((row.after as Spec)[field]);
    },
  );

  it.for(special)(
    "of $field of $kind can be another, $also.does, as the page says",
    async ({ kind, also }) => {
      const outcome = await seenOf(kind, also, true);
      expect(outcome.performed).toBe(also.does);
    },
  );
});
