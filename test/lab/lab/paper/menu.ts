/** What a pxelinux menu starts. */
export type MenuChoice =
  | { readonly kind: "local" }
  | {
      readonly kind: "kernel";
      readonly files: readonly string[];
      readonly args: ReadonlyMap<string, string>;
    };

/** Where pxelinux looks, in this order, without those steps that nobody here uses. */
export function menuNames(mac: string): readonly string[] {
  return [`pxelinux.cfg/01-${mac.replaceAll(":", "-")}`, "pxelinux.cfg/default"];
}

/** What the menu's default label starts; `network` is what `ipappend` adds, by its bit. Throws if there is no such label. */
export function chooseFrom(
  menu: string,
  network: { readonly ip: string; readonly bootif: string },
): MenuChoice {
  let chosen: string | undefined;
  let label: string | undefined;
  const own = new Map<string, string>();
  for (const line of menu.split("\n")) {
    const [, verb = "", rest = ""] = /^\s*(\S+)\s*(.*?)\s*$/.exec(line) ?? [];
    if (/^default$/i.test(verb)) chosen = rest;
    else if (/^label$/i.test(verb)) label = rest;
    else if (label === chosen && chosen !== undefined) own.set(verb.toLowerCase(), rest);
  }
  if (own.has("localboot")) return { kind: "local" };
  const kernel = own.get("kernel");
  if (kernel === undefined) throw new Error(`the menu has no kernel for its default label ${chosen}`);
  const bits = Number(own.get("ipappend") ?? 0);
  const added = [
    ...(bits & 1 ? [`ip=${network.ip}`] : []),
    ...(bits & 2 ? [`BOOTIF=${network.bootif}`] : []),
  ];
  const words = [...(own.get("append") ?? "").split(/\s+/), ...added].filter((word) => word !== "");
  const args = new Map(
    words.map((word) => {
      const at = word.indexOf("=");
      return at < 0 ? [word, ""] : [word.slice(0, at), word.slice(at + 1)];
    }),
  );
  return { kind: "kernel", files: [kernel, ...(args.get("initrd") ?? "").split(",").filter(Boolean)], args };
}
