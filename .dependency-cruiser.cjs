// The arrows of ARCHITECTURE.md: a room may look at the rooms below it, never back.
const rooms = ["kernel", "services", "drivers", "resources", "workflows", "site"];
const looksDown = rooms.map((room, level) => ({
  name: `${room}-looks-down`,
  severity: "error",
  from: { path: `^provider/${room}/` },
  to: { path: "^(provider|sdk|test|tools)/", pathNot: `^provider/(${rooms.slice(0, level + 1).join("|")})/` },
}));
const only = (name, what, from) => ({
  name,
  severity: "error",
  from: { path: "^(provider|sdk)/", pathNot: from },
  to: { path: what },
});
const apart = (concern) => ({
  name: `drivers-apart-${concern}`,
  severity: "error",
  from: { path: `^provider/drivers/${concern}/` },
  to: { path: "^provider/drivers/", pathNot: `^provider/drivers/(${concern}/|errors)` },
});

module.exports = {
  forbidden: [
    { name: "no-circles", severity: "error", from: {}, to: { circular: true } },
    ...looksDown,
    ...["power", "boot", "write"].map(apart),
    only("pulumi-only-in-its-faces", "node_modules/@pulumi/pulumi", "^(provider/pulumi|sdk)/"),
    only("processes-only-in-kernel", "node_modules/execa", "^provider/kernel/process"),
    only("child-process-nowhere", "^(node:)?child_process$", "^provider/kernel/process"),
    // What stays in memory for hours, and what answers a person once.
    only("commander-only-in-commands", "node_modules/commander", "^provider/(cli/|commands)"),
    {
      name: "main-loads-commands-late",
      severity: "error",
      from: { path: "^provider/main" },
      to: { path: "^provider/commands", dependencyTypesNot: ["dynamic-import"] },
    },
    {
      name: "tests-stay-out",
      severity: "error",
      from: { path: "^(provider|sdk)/" },
      to: { path: "^(test|tools|examples)/" },
    },
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "node"] },
  },
};
