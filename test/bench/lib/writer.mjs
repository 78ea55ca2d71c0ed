// The compiled deploy helper's own process, as far as a write needs it: reads a WriteJob on stdin, writes, and tells what
// came of it. With everything loaded that a helper loads, so that its memory is a helper's.
import { readFileSync } from "node:fs";
import { openIscsiPush } from "../../../dist/provider/drivers/write/index.js";
import "../../../dist/provider/helper.js";
import { newContext } from "../../../dist/provider/kernel/context.js";

const job = JSON.parse(readFileSync(0, "utf8"));
const written = await openIscsiPush().write(newContext(), job);
const peakKiB = Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
console.log(JSON.stringify({ ...written, peak: peakKiB * 1024 }));
