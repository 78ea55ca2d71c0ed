/**
 * Nova's ComputeCapabilitiesFilter: a flavor asks, a node offers. Operators and their meaning are Nova's
 * (nova/scheduler/filters/extra_specs_ops.py at icehouse-eol): `= == != >= <=` compare numbers, where `=` means at
 * least; `s== s!= s>= s> s<= s<` compare strings; `<in>` is a substring; `<or>` is one of several; none is equality.
 */
const numeric: Record<string, (offered: number, asked: number) => boolean> = {
  "=": (offered, asked) => offered >= asked,
  "==": (offered, asked) => offered === asked,
  "!=": (offered, asked) => offered !== asked,
  ">=": (offered, asked) => offered >= asked,
  "<=": (offered, asked) => offered <= asked,
};

const textual: Record<string, (offered: string, asked: string) => boolean> = {
  "s==": (offered, asked) => offered === asked,
  "s!=": (offered, asked) => offered !== asked,
  "s>=": (offered, asked) => offered >= asked,
  "s>": (offered, asked) => offered > asked,
  "s<=": (offered, asked) => offered <= asked,
  "s<": (offered, asked) => offered < asked,
  "<in>": (offered, asked) => offered.includes(asked),
};

/** Whether `offered` satisfies what a flavor asks. */
export function satisfies(offered: string | undefined, asked: string): boolean {
  const words = asked.trim().split(/\s+/);
  const [operator = "", ...rest] = words;
  if (operator === "<or>") {
    const choices = asked
      .split("<or>")
      .map((choice) => choice.trim())
      .filter((choice) => choice !== "");
    return offered !== undefined && choices.includes(offered);
  }
  if (offered === undefined) return false;
  const operand = rest.join(" ");
  const compareNumbers = numeric[operator];
  if (compareNumbers) return areNumbers(offered, operand) && compareNumbers(Number(offered), Number(operand));
  const compareText = textual[operator];
  if (compareText) return operand !== "" && compareText(offered, operand);
  return offered === asked;
}

/** What is no number satisfies no comparison, `!=` included; nor does an operator that compares with nothing. */
const areNumbers = (...texts: readonly string[]) =>
  texts.every((text) => text.trim() !== "" && Number.isFinite(Number(text)));

/** The capabilities that a flavor asks for and a node does not offer, in words; empty = it fits. */
export function unmet(
  asked: Readonly<Record<string, string>>,
  offered: Readonly<Record<string, string>>,
): readonly string[] {
  return Object.entries(asked).flatMap(([key, wish]) => {
    const [scope, ...path] = key.split(":");
    if (path.length > 0 && scope !== "capabilities") return [];
    const plain = path.length > 0 ? path.join(":") : key;
    if (satisfies(offered[plain], wish)) return [];
    return [`${plain} is ${offered[plain] ?? "not told"}, asked is ${wish}`];
  });
}
