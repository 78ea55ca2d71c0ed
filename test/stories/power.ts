import { parseArgs } from "node:util";
import { cycleAll } from "../contract/power/cycles.ts";
import { check, close, tellCases } from "./lib/story.ts";

// Two hundred times on and off over a bad wire, by our own client and by ipmitool: the machine is as it was told each time, and no
// command goes out before the one before has ended. `npm run story -- power [--cycles 200] [CLIENT]`
const { values, positionals } = parseArgs({
  options: { cycles: { type: "string", default: "200" } },
  allowPositionals: true,
});
const controllers = 10;
const each = Math.ceil(Number(values.cycles) / controllers);

// ipmitool needs eleven questions for a session and gives each of them up after four: where 30 % are lost each way, half of all
// questions are lost with their answers, and a single change takes minutes. With 16 % each way it is 30 % of them.
const rows = [
  { client: "native", lose: 0.3, title: "30 % of the packets lost each way, by the client native" },
  {
    client: "ipmitool",
    lose: 0.16,
    title: "30 % of questions lost with their answers, by the client ipmitool",
  },
] as const;

async function told({ client, lose }: (typeof rows)[number]): Promise<string> {
  const cycled = await cycleAll({ client, times: each, lose }, controllers);
  const { wrong, overlapping, sessions, sent, lost } = cycled;
  const said = `${2 * each * controllers} changes, ${wrong} wrong; ${sessions} sessions, ${overlapping} overlapping; ${lost} of ${sent} packets lost on their way`;
  check(wrong === 0 && overlapping === 0, said);
  return said;
}

close(
  await tellCases(
    positionals,
    rows.map((row) => [row.title, () => told(row)]),
  ),
);
