/**
 * Where a node can be, in Ironic's words, and what may happen to it there. The diagram in docs/ is drawn from this
 * table. `maintenance` is a flag beside the state, as in Ironic.
 */
export const transitions = {
  enroll: { manage: "manageable", provide: "available" },
  manageable: { provide: "available", inspect: "inspecting", adopt: "active" },
  inspecting: { done: "available", fail: "available", keep: "manageable" },
  available: { inspect: "inspecting", deploy: "deploying", clean: "cleaning", manage: "manageable" },
  deploying: {
    clean: "cleaning",
    wait: "wait call-back",
    done: "active",
    fail: "deploy failed",
    abort: "available",
  },
  "wait call-back": {
    resume: "deploying",
    done: "active",
    rescue: "rescuing",
    fail: "deploy failed",
    delete: "deleting",
  },
  active: { delete: "deleting", deploy: "deploying", rescue: "rescuing", fail: "error" },
  rescuing: { wait: "rescue wait", fail: "rescue failed" },
  "rescue wait": { done: "rescue", fail: "rescue failed" },
  rescue: { unrescue: "unrescuing", rescue: "rescuing" },
  "rescue failed": { rescue: "rescuing", unrescue: "unrescuing" },
  unrescuing: { done: "active", wait: "wait call-back", fail: "unrescue failed" },
  "unrescue failed": { rescue: "rescuing", unrescue: "unrescuing" },
  "deploy failed": { deploy: "deploying", delete: "deleting", reset: "available" },
  deleting: { done: "available", clean: "cleaning", fail: "error" },
  cleaning: { done: "available", deploy: "deploying", fail: "clean failed" },
  "clean failed": { deploy: "deploying", clean: "cleaning", delete: "deleting", reset: "available" },
  error: { delete: "deleting", reset: "available", deploy: "deploying" },
} as const satisfies Record<string, Record<string, string>>;

export type ProvisionState = keyof typeof transitions;
type Events<S extends ProvisionState> = keyof (typeof transitions)[S];

export const provisionStates = Object.keys(transitions) as [ProvisionState, ...ProvisionState[]];

/** The state after `event`. Asking for an arrow that is not in the table does not compile. */
export function next<S extends ProvisionState, E extends Events<S>>(
  state: S,
  event: E,
): (typeof transitions)[S][E] {
  return transitions[state][event];
}

/** Whether `event` may happen in a state known only at run time, and where it leads. */
export function after(state: ProvisionState, event: string): ProvisionState | undefined {
  return (transitions[state] as Record<string, ProvisionState>)[event];
}

/** Whether a node is set aside after a failure of its own: only a pinned instance, or a reset, brings it back. */
export const isSetAside = (state: ProvisionState): boolean =>
  state === "deploy failed" || state === "clean failed";

/** From its first switch to the way back: the system is not to be disturbed, nor counted on. */
export const rescueStates = [
  "rescuing",
  "rescue wait",
  "rescue",
  "rescue failed",
  "unrescuing",
  "unrescue failed",
] as const satisfies readonly ProvisionState[];
export const isRescue = (state: unknown): boolean => rescueStates.some((one) => one === state);

/** The table as a Mermaid state diagram. */
export function toMermaid(): string {
  const id = (state: string) => state.replace(/[ -]/g, "_");
  const lines = ["stateDiagram-v2", "  [*] --> enroll"];
  for (const [from, events] of Object.entries(transitions)) {
    if (id(from) !== from) lines.push(`  state "${from}" as ${id(from)}`);
    for (const [event, to] of Object.entries(events)) lines.push(`  ${id(from)} --> ${id(to)} : ${event}`);
  }
  return `${lines.join("\n")}\n`;
}
