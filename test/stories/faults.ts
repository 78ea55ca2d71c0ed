import { underFault } from "../lab/faults/row.ts";
import { rows } from "../lab/faults/rows.ts";
import { tell } from "./lib/story.ts";

// One deployment for each fault of network, disk and clock. `npm run story -- faults [WORD…]` tells those with a word.
await tell(process.argv.slice(2), function* (stage) {
  for (const [n, row] of rows.entries()) yield [row.title, () => underFault(row, stage, `f${n}`)] as const;
});
