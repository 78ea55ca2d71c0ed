import { type ProvisionState, provisionStates, toMermaid } from "../../provider/resources/states.ts";
import { note } from "./reference.ts";

/** What each state means, and what Nova's baremetal driver called it. */
const meanings: Readonly<Record<ProvisionState, readonly [meaning: string, nova: string]>> = {
  enroll: ["Declared; its controller has not been reached yet.", ""],
  manageable: ["Reached, but not offered: it was found switched on, and not by this site.", ""],
  inspecting: ["Its ramdisk looks at it, for a rehearsal; then it is where it was.", ""],
  available: ["Off and free: a flavor may choose it.", "deleted"],
  deploying: ["An instance has claimed it and its system is being installed.", "building, deploying"],
  "wait call-back": ["Powered on; the next word is the server's.", "prepared, deploy complete"],
  active: ["Its system is installed and answered.", "active"],
  "deploy failed": [
    "Set aside after a failure that is its own; never chosen again until it is freed.",
    "deploy failed",
  ],
  deleting: ["Its instance is being released.", ""],
  cleaning: ["Its ramdisk erases what its last instance left.", ""],
  "clean failed": [
    "Set aside because it could not be cleaned; never given to another owner until it is.",
    "",
  ],
  rescuing: ["Its system is ended, for a ramdisk that lets its owner in.", ""],
  "rescue wait": ["Powered on for a rescue; the next word is its ramdisk's.", ""],
  rescue: [
    "In a ramdisk with an SSH server (`nodes rescue`); its disks are as its system left them, and its program waits.",
    "",
  ],
  "rescue failed": ["No ramdisk came up for a rescue. Ask again, or `nodes unrescue`.", ""],
  unrescuing: ["On the way from a rescue back to its system.", ""],
  "unrescue failed": ["The way back failed. Ask again.", ""],
  error: ["Something could not be undone; it needs a look.", "error"],
};

/** The page of the states, its diagram drawn from the table of transitions. */
export function statesPage(): string {
  const rows = provisionStates.map((state) => {
    const [meaning, nova] = meanings[state];
    return `| ${state} | ${meaning} | ${nova} |\n`;
  });
  return [
    note,
    "# States of a node\n\nThe words are Ironic's. `maintenance` is a flag beside the state.\n\n",
    `\`\`\`mermaid\n${toMermaid()}\`\`\`\n\n`,
    "| State | What it means | Nova's task state |\n| --- | --- | --- |\n",
    ...rows,
  ].join("");
}
