import type { Finding, Report } from "./doctor.ts";
import { aptLine } from "./programs.ts";

const marks: Record<Finding["verdict"], string> = {
  present: "ok",
  missing: "MISSING",
  wrong: "WRONG",
  note: "note",
};

/** A doctor's report as text: one line for each thing, then what to do. Ends with a newline. */
export function renderReport({ host, clientOnly, findings, healthy }: Report): string {
  const wide = (pick: (finding: Finding) => string) =>
    Math.max(...findings.map((finding) => pick(finding).length), 0);
  const [nameWidth, foundWidth] = [wide(({ name }) => name), wide(({ found = "" }) => found)];
  const rows = findings.map(
    ({ verdict, name, found = "", purpose }) =>
      `  ${marks[verdict].padEnd(7)}  ${name.padEnd(nameWidth)}  ${found.padEnd(foundWidth)}  ${purpose}`,
  );
  const remedies = findings.flatMap(({ name, remedy }) =>
    remedy === undefined ? [] : [`${name}: ${remedy}`],
  );
  const packages = findings.flatMap((finding) => (finding.package === undefined ? [] : [finding.package]));
  return `${[
    `${host}: ${clientOnly ? clientWords : "the deploy helper, the ramdisk builder and `pulumi up` can run here"}`,
    ...rows,
    ...(packages.length > 0
      ? ["To install what is missing (Debian, Ubuntu):", `  ${aptLine(packages)}`]
      : []),
    ...remedies,
    healthy ? "Nothing that is needed is missing." : "Something is missing or wrong: see above.",
  ].join("\n")}\n`;
}

const clientWords =
  "client only. Run `pulumi up` here against a deploy helper on a Linux host (`npx pulumi-baremetal serve` there).";
