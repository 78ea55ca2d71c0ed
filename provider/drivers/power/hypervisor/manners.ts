import type { ConductOptions } from "../conduct/manners.ts";

/** What a hypervisor bears: it is a program of a computer, and crashes from no question. */
export const virtual = {
  gap: "0 ms",
  gapAfterError: "1 second",
} as const satisfies ConductOptions;
