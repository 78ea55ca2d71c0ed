export type { DnsmasqEvent } from "./events.ts";
export { clientArchitecture, startAsking } from "./loaders.ts";
export { type Dnsmasq, startDnsmasq } from "./server.ts";
