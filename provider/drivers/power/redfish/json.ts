/** What controllers say is read as it comes: a field of another kind than the standard's is one that is not there. */
export type Json = Readonly<Record<string, unknown>>;

export const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const jsonAt = (body: Json, key: string): unknown => body[key];

export const objectAt = (body: Json, key: string): Json => {
  const value = body[key];
  return isJson(value) ? value : {};
};

export const textAt = (body: Json, key: string): string | undefined => {
  const value = body[key];
  return typeof value === "string" && value !== "" ? value : undefined;
};

/** The texts of a list; undefined where there is none. */
export const listAt = (body: Json, key: string): readonly string[] | undefined => {
  const value = body[key];
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : undefined;
};

/** Where a reference leads. */
export const linkAt = (body: Json, key: string): string | undefined =>
  textAt(objectAt(body, key), "@odata.id");

/** Where the references of a list lead. */
export const linksAt = (body: Json, key: string): readonly string[] => {
  const value = body[key];
  if (!Array.isArray(value)) return [];
  return value.flatMap((one) => (isJson(one) ? (textAt(one, "@odata.id") ?? []) : []));
};
