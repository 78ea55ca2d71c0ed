import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { runningPid } from "../machine.ts";
import { newRun } from "./body.ts";
import { live } from "./boot.ts";

// One paper server, in a network namespace of its own: `main.ts FOLDER`, started by the lab. What the chassis switches is
// a sleeping process; while it is there, this one plays what a machine would do.
const [, , folder = "."] = process.argv;
const off = new Error("the power is off");

await execa("ip", ["link", "set", "lo", "up"]);
console.log("ready");

let current: number | undefined;
let power = new AbortController();
let life: Promise<unknown> = Promise.resolve();
for (;;) {
  const pid = await runningPid(folder);
  if (pid !== current) {
    current = pid;
    power.abort(off);
    await life;
    await execa("ip", ["addr", "flush", "dev", "eth0"], { reject: false });
    if (pid !== undefined) {
      power = new AbortController();
      life = switchOn(power.signal);
    }
  }
  await pause(100);
}

async function switchOn(signal: AbortSignal): Promise<void> {
  const run = await newRun(folder, signal);
  try {
    await execa("ip", ["link", "set", "eth0", "up"]);
    await live(run);
  } catch (error) {
    if (error !== off) run.say(`paper: ${error instanceof Error ? error.stack : error}`);
  }
}
