import type { Duration } from "../../../kernel/units.ts";

/** How gently controllers are treated. What is left out is the default of `manners`. */
export interface ConductOptions {
  /** Between two commands to one controller. */
  readonly gap?: Duration | undefined;
  /** The same after one that failed. */
  readonly gapAfterError?: Duration | undefined;
  /** Between a verified off and the next on. */
  readonly rest?: Duration | undefined;
  /** Between two looks while a state is waited for. */
  readonly poll?: Duration | undefined;
  /** A state that is not reached within it is POWER_NOT_REACHED. */
  readonly limit?: Duration | undefined;
  /** A single command that takes longer is ended and counts as unanswered. */
  readonly command?: Duration | undefined;
  /** Commands in flight in the whole site. */
  readonly concurrency?: number | undefined;
  /** The same through one host that controllers are behind (`via`): sshd's own limit is ten (MaxSessions). */
  readonly perHost?: number | undefined;
  /** Between two power-ons in the whole site: a rack's fuse, and the boot server behind it. */
  readonly stagger?: Duration | undefined;
  /** How often a command is sent that failed in a way known to pass. */
  readonly tries?: number | undefined;
  /** Before the second try; doubled for each further one. */
  readonly backoff?: Duration | undefined;
}

/** What is done unless told otherwise. Five seconds is Ironic's `min_command_interval`, below which controllers crash. */
export const manners = {
  gap: "1 second",
  gapAfterError: "5 seconds",
  rest: "5 seconds",
  poll: "2 seconds",
  limit: "180 seconds",
  command: "60 seconds",
  concurrency: 64,
  perHost: 8,
  stagger: "250 ms",
  tries: 3,
  backoff: "2 seconds",
} as const satisfies Rules;

/** All of them settled. */
export type Rules = { readonly [K in keyof ConductOptions]-?: NonNullable<ConductOptions[K]> };

/** What the site says goes before what a driver's controllers bear, and that before what any controller does. */
export function rulesFor(site: ConductOptions, driver: ConductOptions = {}): Rules {
  const said = Object.entries(site).filter(([, value]) => value !== undefined);
  return { ...manners, ...driver, ...Object.fromEntries(said) } as Rules;
}
