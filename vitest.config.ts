import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { programOf, sushyTools } from "./tools/setup/python-tools.ts";

// Four kinds of test, by what they need: nothing, a real emulator, the Pulumi CLI, the virtual lab.
const project = (name: string, more: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], ...more },
});

// A counterpart that the set-up tried to bring, and said where it could not.
const absent = existsSync(programOf(sushyTools)) ? [] : ["test/contract/power/redfish/sushy.test.ts"];

export default defineConfig({
  test: {
    // Those that talk to real programs wait for half of their time.
    maxWorkers: 2 * availableParallelism(),
    projects: [
      // No module of ours keeps state, so one process may load them once for many files.
      project("unit", { testTimeout: 30_000, isolate: false }),
      project("contract", { testTimeout: 60_000, hookTimeout: 60_000, exclude: absent }),
      project("engine", { testTimeout: 180_000, hookTimeout: 180_000, fileParallelism: false }),
      project("lab", { testTimeout: 300_000, hookTimeout: 300_000, fileParallelism: false }),
    ],
  },
});
