import type { Command } from "commander";
import { bundleCommand } from "./bundle.ts";
import { completeCommand, completionCommand } from "./completion.ts";
import { drainCommand } from "./drain.ts";
import { imagesCommand } from "./images.ts";
import { instancesCommand } from "./instances.ts";
import { nodesCommand } from "./nodes.ts";
import { openapiCommand } from "./openapi.ts";
import { ownerCommand } from "./owner.ts";
import { pageCommand } from "./page.ts";
import { powerCommand } from "./power.ts";
import { ramdiskCommand } from "./ramdisk.ts";
import { serveCommand } from "./serve.ts";
import type { Shell } from "./shell.ts";
import { storeCommand } from "./store.ts";
import { tokensCommand } from "./tokens.ts";

const nouns = [
  nodesCommand,
  instancesCommand,
  imagesCommand,
  powerCommand,
  ramdiskCommand,
  bundleCommand,
  storeCommand,
  ownerCommand,
  serveCommand,
  pageCommand,
  openapiCommand,
  tokensCommand,
  drainCommand,
];

/** Give the program the commands that work with a site. */
export function addNouns(program: Command, shell: Shell): void {
  for (const noun of nouns) {
    program.addCommand(noun(shell));
  }
  program.addCommand(completionCommand(shell));
  program.addCommand(completeCommand(program, shell), { hidden: true });
}
