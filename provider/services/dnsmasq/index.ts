export type { DnsmasqSettings } from "./args.ts";
export type { DnsmasqEvent } from "./events.ts";
export { type Dnsmasq, type DnsmasqOptions, startDnsmasq } from "./server.ts";
