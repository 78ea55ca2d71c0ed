import { Command, Option } from "commander";
import { placeOf } from "../drivers/power/index.ts";
import type { NodeSpec } from "../resources/index.ts";
import { siteErrors } from "../site/errors.ts";
import type { State } from "../site/site.ts";
import { confirmCommand } from "./confirm.ts";
import { detailsOf, firstSentence } from "./details.ts";
import { discoveredCommand } from "./discovered.ts";
import { nodesImport } from "./import/index.ts";
import { addLog } from "./log.ts";
import { rehearseCommand } from "./rehearse.ts";
import { rescueCommand, unrescueCommand } from "./rescue.ts";
import { type OutputOptions, type Shell, tell, textOf, withOutput } from "./shell.ts";
import { type Column, pairs, shortened, table } from "./table.ts";

/** `nodes`: the servers of a site. */
export function nodesCommand(shell: Shell): Command {
  const { ctx } = shell;
  const nodes = new Command("nodes").description(
    "the servers of a site: look, reset, maintenance, confirm, rehearse, rescue, discovered, import",
  );

  withOutput(nodes.command("list"))
    .description("all servers: where they are, who holds them, what went wrong")
    .action(async (options: OutputOptions) => {
      const all = await shell.site(options).nodes.list(ctx);
      tell(shell, options, all, (rows) =>
        rows.length === 0 ? "There are no nodes on this site." : table(columns, rows, shell.columns),
      );
    });

  withOutput(nodes.command("show"))
    .description("all that is known of a server; passwords are not shown")
    .argument("<node>", "its name")
    .action(async (name: string, options: OutputOptions) => {
      const all = await shell.site(options).nodes.list(ctx);
      const node = all.find((one) => one["name"] === name);
      if (!node) throw siteErrors.make("SITE_UNKNOWN_REFERENCE", { kind: "Node", name });
      tell(shell, options, node, (state) => pairs(detailsOf(state)));
    });

  addLog(nodes, shell, "nodes");
  withOutput(nodes.command("reset"))
    .description("free a server that was set aside after a failure, and try its credentials again")
    .argument("<node>", "its name")
    .action(async (node: string, options: OutputOptions) => {
      const answer = await shell.site(options).perform(ctx, { kind: "reset", node });
      tell(shell, options, answer, ({ changed, provisionState }) =>
        changed
          ? `${node} is ${provisionState} again.`
          : `${node} was not set aside: it stays ${provisionState}. Credentials that were refused are tried again.`,
      );
    });

  const maintenance = withOutput(nodes.command("maintenance"))
    .description("stop every power, boot and write action on a server, or end that")
    .argument("<node>", "its name")
    .addOption(new Option("--on <reason>", "begin, and why").conflicts("off"))
    .addOption(new Option("--off", "end"))
    .action(async (node: string, options: OutputOptions & { on?: string; off?: true }) => {
      const { on: reason, off } = options;
      if (!reason && !off) return maintenance.error("error: give --on REASON, or --off");
      const how = reason ? { reason } : {};
      const answer = await shell.site(options).perform(ctx, { kind: "maintenance", node, ...how });
      tell(shell, options, answer, ({ maintenanceReason }) =>
        maintenanceReason
          ? `${node} is in maintenance: ${maintenanceReason}. No program ends that, only \`nodes maintenance ${node} --off\`.`
          : `${node} is not in maintenance, unless its program says so.`,
      );
    });

  nodes.addCommand(confirmCommand(shell));
  nodes.addCommand(rehearseCommand(shell));
  nodes.addCommand(rescueCommand(shell));
  nodes.addCommand(unrescueCommand(shell));
  nodes.addCommand(discoveredCommand(shell));
  nodes.addCommand(nodesImport(shell));
  return nodes;
}

const columns: readonly Column<State>[] = [
  { head: "NAME", of: (node) => textOf(node, "name") },
  { head: "STATE", of: standing, least: 14 },
  { head: "POWER", of: (node) => textOf(node, "powerState") },
  { head: "CONTROLLER", of: ({ power }) => placeOf(power as NodeSpec["power"]) },
  { head: "SERIAL", of: (node) => textOf(node, "serial") || "-", least: 8 },
  { head: "INSTANCE", of: (node) => textOf(node, "assignedInstance") || "-" },
  { head: "LAST ERROR", of: (node) => shortened(firstSentence(textOf(node, "lastError")), 80), least: 10 },
];

/** Where a server is, and what stands beside that. */
function standing(node: State): string {
  const reason = textOf(node, "maintenanceReason");
  const maintenance = reason ? `maintenance: ${reason}` : node["maintenance"] === true ? "maintenance" : "";
  const given = node["abandon"] === true ? "abandoned" : "";
  return [textOf(node, "provisionState"), maintenance, given].filter(Boolean).join(", ");
}
