export type { DnsmasqEvent } from "./events.ts";
export { firmwareAsking } from "./loaders.ts";
export { type Dnsmasq, startDnsmasq } from "./server.ts";
