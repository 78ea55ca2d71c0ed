import type { MetalError } from "../../kernel/errors.ts";
import type { NodeSpec } from "../../resources/index.ts";
import { workflowErrors } from "../../workflows/errors.ts";
import type { DiskLeft } from "./store/claims.ts";

/**
 * What has to be cleaned before this owner gets the node: what another one left, and what was promised to be clean. Where
 * the node is never cleaned, nothing. Pure.
 */
export function owedTo(
  owner: string,
  left: readonly DiskLeft[],
  { clean }: Pick<NodeSpec, "clean">,
): readonly DiskLeft[] {
  if (clean === "none") return [];
  // What is installed was kept, running: it is nobody's to erase.
  return left.filter(
    ({ owner: last, state }) => state === "unclean" || (state !== "installed" && last !== owner),
  );
}

/** Why it cannot be cleaned at all; undefined = it can. */
export function uncleanable(node: string, owed: readonly DiskLeft[]): MetalError | undefined {
  const unknown = owed.find(({ disk }) => disk === "");
  if (unknown === undefined) return undefined;
  const { instance, owner } = unknown;
  return workflowErrors.make("CLEAN_DISK_UNKNOWN", { node, instance, owner });
}
