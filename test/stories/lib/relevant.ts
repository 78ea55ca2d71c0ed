/**
 * What a person looks at in the output of `pulumi`, which for a log file tells each row again at each change: the last
 * state of each row that changes, all that is said of it, and the sums.
 */
export function relevant(text: string): readonly string[] {
  const lines: string[] = [];
  const rows = new Map<string, string>();
  let [inRows, sums] = [true, [] as string[]];
  const flush = () => {
    if (sums.length > 0) lines.push(`   ${sums.join(", ")}`);
    lines.push(...rows.values());
    rows.clear();
    sums = [];
  };
  for (const raw of text.split("\n")) {
    const line = raw.replaceAll(/pulumi-nodejs:dynamic\/baremetal:/g, "").trimEnd();
    if (line.trim() === "" || noise.test(line)) continue;
    const row = rowOf.exec(line);
    if (inRows && row) {
      keep(rows, row);
      continue;
    }
    if (inRows && ofPulumi.test(line)) continue;
    inRows = phase.test(line);
    const [sum] = sumOf.exec(line) ?? [];
    if (sum) {
      sums.push(sum.trim());
      continue;
    }
    flush();
    if (!headings.test(line)) lines.push(line);
  }
  flush();
  return lines;
}

const noise = /^(@ |Duration: |View )|^ +\d+ changes\. /;
const phase = /^(Previewing|Updating|Refreshing|Destroying) /;
const headings = /^(Diagnostics:|Resources:|To )/;
const ofPulumi = /^[-+~>< ]* *pulumi:(pulumi:Stack|providers:)/;
const rowOf = /^ ?([-+~>< ]{0,4}) +(Node|Interface|Flavor|Image|Instance) ([\w.-]+)(?: +(.*))?$/;
const sumOf = /^ +([-+~=]+ ?)?\d+ (to \w+|\w+ed|deleted( \(retained\))?|unchanged)$/;
const did =
  /^\**(creat|updat|delet|replac|refresh|read|discard|import)\w*( replacement| original)?( failed)?\**( \([\d.]+m?s\))?( \[(diff: |retain)[^\]]*\])*/;

/** A row without what is said of it again below. One that stays as it is is no news. */
function keep(
  rows: Map<string, string>,
  [, op = "", kind = "", name = "", rest = ""]: RegExpExecArray,
): void {
  if (op.trim() === "") return void rows.delete(`~ ${kind} ${name}`);
  const words = did.exec(rest)?.[0] ?? "";
  rows.set(`${op.trim()} ${kind} ${name}`, `${op.trim().padStart(2)} ${kind} ${name} ${words}`.trimEnd());
}
