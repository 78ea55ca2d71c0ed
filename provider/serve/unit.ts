import { join } from "node:path";
import type { Launch } from "../site/embedded.ts";
import type { ServiceSettings } from "./settings.ts";

/** The systemd unit of a service. `file` holds its settings; the program is the one that is asked. */
export function unitOf(settings: ServiceSettings, file: string, { file: node, args }: Launch): string {
  const { stateDir, cacheDir, tftpRoot = join(stateDir, "tftp") } = settings;
  const own = [...new Set([stateDir, cacheDir, tftpRoot])].filter(
    (folder, index, all) => !all.some((other, at) => at !== index && folder.startsWith(`${other}/`)),
  );
  const start = [node, ...args.slice(0, -1), "serve", "--settings", file].map(quoted).join(" ");
  const capabilities = capabilitiesOf(settings).join(" ");
  return `# Printed by \`pulumi-baremetal serve --unit\`. Its user, once:
#   useradd --system --user-group --no-create-home ${user}
#   install -d -m 0700 -o ${user} -g ${user} ${own.map(quoted).join(" ")}
# It starts this very program: install the package where it stays, not in a cache of npx.
[Unit]
Description=pulumi-baremetal: the deploy helper
Wants=network-online.target
After=network-online.target

[Service]
User=${user}
Group=${user}
ExecStart=${start}
Restart=always
RestartSec=5
# Deployments under way are cut off at a safe point, and resumed by the next start. SIGUSR2 lets them end first.
TimeoutStopSec=90
KillMode=mixed
UMask=0077
AmbientCapabilities=${capabilities}
CapabilityBoundingSet=${capabilities}
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=${own.map(quoted).join(" ")}
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET
SystemCallArchitectures=native
SystemCallFilter=@system-service
# MemoryDenyWriteExecute is not possible: Node compiles while it runs.

[Install]
WantedBy=multi-user.target
`;
}

const user = "pulumi-baremetal";

/** What its ports take, and what dnsmasq and ping do: nothing more. */
function capabilitiesOf({ dhcp, listen, callbackPort, bootTransport, bootPort }: ServiceSettings) {
  // As dnsmasq itself wants: ports 67 and 69, the neighbour table, raw ICMPv6.
  if (dhcp === "managed") return ["CAP_NET_BIND_SERVICE", "CAP_NET_ADMIN", "CAP_NET_RAW"];
  const ports = [listen.port, callbackPort, ...(bootTransport === "http" ? [bootPort] : [])];
  const low = ports.some((port) => port < 1024) ? ["CAP_NET_BIND_SERVICE"] : [];
  return [...low, "CAP_NET_RAW"];
}

/** As systemd reads a word: `%` begins a specifier, `$` a variable. */
function quoted(word: string): string {
  const plain = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /^[\w./:@=+,%$-]+$/.test(plain) ? plain : `"${plain.replace(/["\\]/g, "\\$&")}"`;
}
