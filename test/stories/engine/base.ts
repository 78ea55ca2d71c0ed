import type { InstanceArgs, Knobs } from "../../engine/declare.ts";

/** What every case begins with: `web` on u1 and `db` on u2; u3 and u4 are free. */
export const installed: Readonly<Record<string, InstanceArgs>> = { web: { node: "u1" }, db: { node: "u2" } };
export const base: Knobs = { instances: installed };
export const servers: readonly string[] = ["u1", "u2", "u3", "u4"];

/** The instances, with more for `web`. */
export const withWeb = (more: InstanceArgs): Knobs => ({
  instances: { ...installed, web: { node: "u1", ...more } },
});
