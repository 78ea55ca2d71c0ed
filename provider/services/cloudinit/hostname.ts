/** Letters, digits and dashes between dots (RFC 1123, section 2.1); Linux takes 64 characters. */
const pattern = /^(?=.{1,64}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

export const isHostname = (text: string): boolean => pattern.test(text);

/** A host name made of an instance's name, as Nova does it; undefined where none can be made. */
export function hostnameOf(instance: string): string | undefined {
  const name = instance
    .toLowerCase()
    .replaceAll("_", "-")
    .replace(/[.-]+$/, "");
  return isHostname(name) ? name : undefined;
}
