import type { Context } from "../../kernel/context.ts";
import type { NodeSpec } from "../../resources/index.ts";
import { fieldsFor, findingsOf, type Rehearsal } from "../../workflows/inspect.ts";
import type { Inspector } from "./collections/inspecting.ts";
import { bootCardsOf } from "./collections/macs.ts";
import type { NodeState } from "./collections/node-state.ts";
import { type Look, lookAt } from "./inspection.ts";
import type { Parts } from "./parts.ts";
import type { StoredRecord } from "./store/index.ts";

/**
 * Go the way of a deployment up to the point where it would write: power, network boot, ramdisk, identity, disk. The
 * server is left off, and its node where it was. Answers what was seen, and what would be in the way.
 */
export async function rehearse(ctx: Context, parts: Parts, node: StoredRecord): Promise<Rehearsal> {
  const { name } = node.ref;
  const spec = node.spec as NodeSpec;
  const look = await lookAt(ctx, parts, node);
  const { bootId, ...machine } = look.machine;
  return {
    ...{ node: name, at: new Date().toISOString(), controller: (node.state as NodeState).controller },
    ...{ driver: spec.power.driver, bootMode: spec.bootMode },
    ...{ findings: await findings(parts, node, look), steps: await parts.store.timeline(look.visit.id) },
    ...{ machine, hardware: look.hardware },
  };
}

/** What `inspect` of a Node does. */
export const inspectorOf =
  (parts: Parts): Inspector =>
  async (ctx, node) => {
    const look = await lookAt(ctx, parts, node);
    const { machine, hardware } = look;
    return { fields: fieldsFor(machine, hardware), findings: await findings(parts, node, look) };
  };

async function findings(
  { store }: Parts,
  { ref: { name }, spec }: StoredRecord,
  { machine, hardware }: Look,
): Promise<readonly string[]> {
  const node = spec as NodeSpec;
  const macs = (await bootCardsOf(store, name, node)).map(({ mac }) => mac);
  return findingsOf({ name, spec: node }, macs, machine, hardware);
}
