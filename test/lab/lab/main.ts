import { NoLab, runInLab } from "./enter.ts";

// `tsx test/lab/lab/main.ts COMMAND ARGS…` runs a command inside a lab's own network.
const [, , command = "sh", ...args] = process.argv;
try {
  process.exitCode = await runInLab(command, args);
} catch (error) {
  if (!(error instanceof NoLab)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
