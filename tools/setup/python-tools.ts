import { homedir } from "node:os";
import { join } from "node:path";

/** A tool from Python's package index, pinned, which lives in a virtual environment of its own in our cache. */
export interface PythonTool {
  readonly package: string;
  readonly version: string;
  /** The one of its programs that is started. */
  readonly program: string;
}

/** The fuzzer of the API. */
export const schemathesis: PythonTool = {
  package: "schemathesis",
  version: "4.32.5",
  program: "schemathesis",
};

/** The Redfish controller of OpenStack's own tests. */
export const sushyTools: PythonTool = {
  package: "sushy-tools",
  version: "2.2.0",
  program: "sushy-emulator",
};

/** Its folder: the lab, where it works, has no way out. */
export const folderOf = (tool: PythonTool): string =>
  join(
    process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"),
    "pulumi-baremetal",
    `${tool.package}-${tool.version}`,
  );

/** A program of its folder: its own, or `python`. */
export const programOf = (tool: PythonTool, name = tool.program): string => join(folderOf(tool), "bin", name);
