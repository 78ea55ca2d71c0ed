import { parseArgs } from "node:util";
import { cycle } from "../contract/power/cycles.ts";
import { check, close, tellCases } from "./lib/story.ts";

// Two hundred times on and off over a wire that loses a third of its packets, by our own client and by ipmitool: the machine is
// as it was told each time, and no command goes out before the one before has ended. `npm run story -- power [--cycles 200] [CLIENT]`
const { values, positionals } = parseArgs({
  options: { cycles: { type: "string", default: "200" } },
  allowPositionals: true,
});
const controllers = 10;
const each = Math.ceil(Number(values.cycles) / controllers);

async function cycled(client: "native" | "ipmitool"): Promise<string> {
  const seeds = Array.from({ length: controllers }, (_, n) => n + 1);
  const all = await Promise.all(seeds.map((seed) => cycle(client, each, 0.3, seed)));
  const sum = (of: (one: (typeof all)[number]) => number) => all.reduce((total, one) => total + of(one), 0);
  const [wrong, overlapping] = [sum((one) => one.wrong), sum((one) => one.overlapping)];
  const sessions = sum((one) => one.sessions);
  const said = `${2 * each * controllers} changes, ${wrong} wrong; ${sessions} sessions, ${overlapping} overlapping; ${sum((one) => one.lost)} of ${sum((one) => one.sent)} packets lost on their way`;
  check(wrong === 0 && overlapping === 0, said);
  return said;
}

close(
  await tellCases(
    positionals,
    (["native", "ipmitool"] as const).map((client) => [
      `30 % loss, by the client ${client}`,
      () => cycled(client),
    ]),
  ),
);
