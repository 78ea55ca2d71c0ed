import { Command } from "commander";
import type { Shell } from "./shell.ts";

/** `openapi`: the document that a service has at `/openapi.json`, without asking one. */
export function openapiCommand(shell: Shell): Command {
  return new Command("openapi")
    .description("print the OpenAPI document of the deploy helper's API")
    .action(async () => {
      const { openApiOf } = await import("../api/openapi.ts");
      shell.print(`${JSON.stringify(openApiOf(shell.launch.version), undefined, 2)}\n`);
    });
}
