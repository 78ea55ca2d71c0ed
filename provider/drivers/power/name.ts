/** Host and port as one word; an IPv6 address in brackets. */
export const controllerName = (host: string, port: number): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
