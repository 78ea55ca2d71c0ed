import { isIP } from "node:net";

const label = "[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?";
const hostname = new RegExp(`^(?=.{1,253}$)(?:${label}\\.)*(?!\\d+$)${label}\\.?$`);

/** Whether it is an address or may be a name. */
export const isHost = (text: string): boolean => isIP(text) !== 0 || hostname.test(text);

/** Host and port as one word; an IPv6 address in brackets. */
export const controllerName = (host: string, port: number): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
