import { programsRunning } from "../lab/programs.ts";
import { base, servers } from "./engine/base.ts";
import { gate } from "./engine/gate.ts";
import { instances } from "./engine/instances.ts";
import { lost } from "./engine/lost.ts";
import { nodes } from "./engine/nodes.ts";
import { options } from "./engine/options.ts";
import { tellBook } from "./lib/engine.ts";

// What each change does, by the real Pulumi CLI, and what a user reads. `npm run story -- engine [WORD…]` tells those with a word.
const told = await tellBook(
  { options: { servers }, base, cases: [...nodes, ...instances, ...gate, ...options, ...lost] },
  process.argv.slice(2),
);
const left = await programsRunning();
if (left.length > 0) console.log(`Left running: ${left.join("; ")}`);
console.log(`\n${told.told} told, ${told.failed} failed`);
if (told.failed > 0 || told.told === 0 || left.length > 0) process.exitCode = 1;
