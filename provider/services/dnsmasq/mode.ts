/** Whose DHCP the servers hear: ours alone, another's for addresses and ours for what to boot, or another's alone. */
export const dhcpModes = ["managed", "proxy", "external"] as const;
export type DhcpMode = (typeof dhcpModes)[number];
