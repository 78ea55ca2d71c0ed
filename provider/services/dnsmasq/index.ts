export type { DnsmasqEvent } from "./events.ts";
export { type Dnsmasq, startDnsmasq } from "./server.ts";
