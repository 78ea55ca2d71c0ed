import type { Context } from "../../kernel/context.ts";

/** What may be asked of a system that should be up. */
export type ProbeKind = "ping" | "ssh" | { readonly port: number };

/** Where an SSH server is looked for. */
export const sshPort = 22;

/** What one question brought. */
export interface Heard {
  readonly answers: boolean;
  /** For people, with the address: `10.0.0.7 refuses port 22`. */
  readonly detail: string;
}

/** One way to ask an address whether a system is up behind it. */
export interface Probe {
  /** As the end of "does not answer on …". */
  readonly name: string;
  /** What this host needs for it is there; absent where that is nothing. PROGRAM_MISSING. */
  readonly ready?: (ctx: Context) => Promise<void>;
  /** Ask once, for a few seconds at most; silence and refusal are answers. PROGRAM_MISSING where this host cannot ask. */
  readonly ask: (ctx: Context, address: string) => Promise<Heard>;
}
