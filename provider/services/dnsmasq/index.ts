export type { DnsmasqEvent } from "./events.ts";
export { clientArchitecture, firmwareAsking } from "./loaders.ts";
export { type Dnsmasq, startDnsmasq } from "./server.ts";
