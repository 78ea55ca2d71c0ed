import type { InstanceSpec } from "../../../resources/index.ts";
import type { Parts } from "../parts.ts";

/** The instances of the whole site, whoever declared them, that use a flavor or an image. */
export async function instancesUsing(
  { store }: Pick<Parts, "store">,
  what: "flavor" | "image",
  name: string,
) {
  return (await store.all("instances")).filter(({ spec }) => (spec as InstanceSpec)[what] === name);
}

/** What a change of content means, said on the changed resource's own row. */
export async function usersOf(
  parts: Pick<Parts, "store">,
  what: "flavor" | "image",
  name: string,
): Promise<readonly string[]> {
  const users = await instancesUsing(parts, what, name);
  if (users.length === 0) return [];
  const names = users.map(({ ref }) => ref.name).join(", ");
  if (users.length === 1) return [`instance ${names} uses it, and plans a reinstall that it must allow`];
  return [
    `${users.length} instances of this site use it (${names}): each plans a reinstall that it must allow`,
  ];
}
