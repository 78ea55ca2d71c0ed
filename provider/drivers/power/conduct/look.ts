import { MetalError } from "../../../kernel/errors.ts";
import type { PowerState } from "../driver.ts";

/** A power state and, where it is unknown, why. */
export interface PowerLook {
  readonly state: PowerState;
  readonly reason?: MetalError;
}

/** The state that a controller tells, or the fault of its own that keeps it from telling. */
export async function unlessUnknown(ask: () => Promise<"on" | "off">): Promise<PowerLook> {
  try {
    return { state: await ask() };
  } catch (error) {
    if (!isControllers(error)) throw error;
    return { state: "unknown", reason: error };
  }
}

export const isControllers = (error: unknown): error is MetalError =>
  error instanceof MetalError && error.record.fault === "controller";
