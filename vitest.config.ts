import { defineConfig } from "vitest/config";

// Four kinds of test, by what they need: nothing, a real emulator, the Pulumi CLI, the virtual lab.
const project = (name: string, more: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], ...more },
});

export default defineConfig({
  test: {
    projects: [
      project("unit", { testTimeout: 10_000 }),
      project("contract", { testTimeout: 60_000, hookTimeout: 60_000 }),
      project("engine", { testTimeout: 180_000, hookTimeout: 180_000, fileParallelism: false }),
      project("lab", { testTimeout: 300_000, hookTimeout: 300_000, fileParallelism: false }),
    ],
  },
});
