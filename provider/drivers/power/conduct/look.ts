import { MetalError } from "../../../kernel/errors.ts";
import type { Told } from "../driver.ts";

/** A state and, where it is unknown, why. */
export interface Looked<S> {
  readonly state: S | "unknown";
  readonly reason?: MetalError;
}
/** A power state so. */
export type PowerLook = Looked<"on" | "off">;

/** The state that a controller tells, or the fault of its own that keeps it from telling. */
export async function unlessUnknown<S>(ask: () => Promise<S>): Promise<Looked<S>> {
  try {
    return { state: await ask() };
  } catch (error) {
    if (!isControllers(error)) throw error;
    return { state: "unknown", reason: error };
  }
}

/** What that is to who changes nothing: as long as anything feeds a server it may run. */
export const plain = (told: Told): "on" | "off" => (told === "off" ? "off" : "on");

export const isControllers = (error: unknown): error is MetalError =>
  error instanceof MetalError && error.record.fault === "controller";
