/** Gives names of things names in a program: each valid, each once. */
export type Identifiers = (name: string, more?: string) => string;

// Words of the language that no constant may have (ECMA-262, 12.7.2, with strict mode's), and what a module sees anyway.
const taken = `await break case catch class const continue debugger default delete do else enum export extends false
  finally for function if implements import in instanceof interface let new null package private protected public return
  static super switch this throw true try typeof var void while with yield arguments eval undefined NaN Infinity globalThis
  console process module require exports async`;

/** `rack1-u7` becomes `rack1U7`, with `more` behind it `rack1U7Eth0`; the second of a kind gets a number. */
export function identifiers(reserved: readonly string[]): Identifiers {
  const used = new Set([...taken.split(/\s+/), ...reserved]);
  return (name, more = "") => {
    const plain = camel(name) + more;
    let [unique, number] = [plain, 2];
    while (used.has(unique)) unique = `${plain}${/\d$/.test(plain) ? "_" : ""}${number++}`;
    used.add(unique);
    return unique;
  };
}

function camel(name: string): string {
  const parts = name.split(/[^A-Za-z0-9]+/).filter((part) => part !== "");
  const [first = "", ...rest] = parts.map((part) => (/[a-z]/.test(part) ? part : part.toLowerCase()));
  const joined = [first.charAt(0).toLowerCase() + first.slice(1), ...rest.map(capital)].join("");
  return /^[a-z]/.test(joined) ? joined : `node${capital(joined)}`;
}

const capital = (part: string): string => part.charAt(0).toUpperCase() + part.slice(1);
