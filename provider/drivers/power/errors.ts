import { defineErrors } from "../../kernel/errors.ts";

/** Every failure of a power driver or of the manners around it. `{address}` is the controller's host and port. */
export const powerErrors = defineErrors({
  POWER_UNREACHABLE: {
    text: "the power controller at {address} does not answer: {reason}",
    remedy:
      "Check that the controller has power and network and that `power.address` and `power.port` are its own; a controller that hangs is mended by its own reset or by pulling the server's mains. Of a hypervisor, see that its service (`libvirtd`) runs.",
    fault: "controller",
    retry: true,
  },
  POWER_DENIED: {
    text: "the power controller at {address} refuses the login of {user}: {reason}",
    remedy:
      "Correct `power.user` and `power.password` (by SNMP `power.authPassword` and `power.authProtocol`). It is not tried again before they change.",
    fault: "controller",
  },
  POWER_KG: {
    text: "the power controller at {address} does not share our session key (Kg)",
    remedy: "Correct `power.kg`, or leave it out if the controller has none; user and password are right.",
    fault: "controller",
  },
  POWER_LOCKED_OUT: {
    text: "the power controller at {address} refused this login of {user} before, so it was not tried again",
    remedy:
      "Correct `power.user`, `power.password` or `power.kg`. If the account was mended on the controller instead, change the Node's `resetTrigger`.",
    fault: "controller",
  },
  POWER_NOT_ALLOWED: {
    text: "{user} may not do this on the power controller at {address}: {reason}",
    remedy:
      "Give the account the right to switch: by IPMI the operator privilege on the LAN channel, or lower or raise `power.privilege` to what it has; by Redfish the operator's role; by SNMP write access to the outlets; for a hypervisor the group (`libvirt`) of the user who runs its program.",
    fault: "controller",
  },
  POWER_CIPHER: {
    text: "the power controller at {address} speaks none of the cipher suites {suites}: {reason}",
    remedy:
      "Set `power.cipherSuite` to one that it offers (`ipmitool channel getciphers ipmi` on that server lists them), or update its firmware.",
    fault: "controller",
  },
  POWER_NO_SESSION: {
    text: "the power controller at {address} answers, but opens no session with cipher suite {suite}",
    remedy:
      "Some controllers are silent to suites they do not know: set `power.cipherSuite` to 3. If that changes nothing the controller hangs: reset it.",
    fault: "controller",
    retry: true,
  },
  POWER_LATE: {
    text: "the power controller at {address} answers later than it was waited for: {reason}",
    remedy:
      "Packets are delayed on the way to it, or it is slow by itself: look at the controllers' network (a full link, a loop), and reset the controller. It is waited for longer from now on.",
    fault: "controller",
    retry: true,
  },
  POWER_PACKET_LOSS: {
    text: "the power controller at {address} answers, but not each time: {reason}",
    remedy:
      "Packets are lost on the way to it: look at the controllers' network (a full link, a duplex that differs, a bad cable), and reset the controller if the others there answer each time.",
    fault: "controller",
    retry: true,
  },
  POWER_BUSY: {
    text: "the power controller at {address} is busy: {reason}",
    remedy: "Wait a minute and run it again; see that nothing else polls this controller.",
    fault: "controller",
    retry: true,
  },
  POWER_ODD_REPLY: {
    text: 'the power controller at {address} answered "{reply}" when asked for {what}',
    remedy:
      "Try the same by hand with the controller's own tool; if it answers there, report the reply to us, otherwise reset the controller.",
    fault: "controller",
  },
  POWER_CANNOT: {
    text: "the power controller at {address} cannot {what}",
    remedy: "Use another way for this server, or a driver whose controller can.",
    fault: "controller",
  },
  POWER_NOT_REACHED: {
    text: "the server behind {address} was told to be {wanted} and is {seen} after {limit}",
    remedy:
      "Look at the server's console and at the controller's event log; raise the power limit in `timeouts` if it only needs longer.",
    fault: "node",
  },
  POWER_OTHER_MACHINE: {
    text: "the controller at {address} sits in another machine: its {what} is {seen}, expected was {expected}",
    remedy:
      "Nothing was switched. Correct `power.address`, or, if board or controller were replaced, the identity declared for the Node.",
    fault: "controller",
  },
  POWER_PROGRAM_MISSING: {
    text: "the program {program}, which switches {address}, is not on the host that has to run it",
    remedy:
      "Install it on the deploy helper's host, or on the one that `power.via` names, or write its whole path.",
    fault: "host",
  },
  POWER_PROGRAM_REFUSED: {
    text: "this site does not run {program}: its setting `programs` is {programs}",
    remedy:
      "Whoever declares a Node would run programs on the deploy helper's host. Its operator allows those of one folder by `programs: /usr/local/lib/baremetal`; name one of them.",
    fault: "input",
  },
  POWER_CERTIFICATE: {
    text: "the certificate of the power controller at {address} cannot be verified: {reason}",
    remedy:
      "Nothing was sent to it. Compare its SHA-256 on the controller's own page, and set `power.fingerprint` to it, or `power.ca` to who signed it.",
    fault: "controller",
  },
  POWER_SYSTEM_UNKNOWN: {
    text: "the power controller at {address} has no system {wanted}; it has {known}",
    remedy:
      "Set `power.system` to the path, Id, UUID or Name of one of them, or a hypervisor's `power.domain` or `power.vm` to the name, UUID or MAC of one.",
    fault: "controller",
  },
  POWER_MEDIA: {
    text: "the power controller at {address} was told to {what}, and tells of {seen} after {limit}",
    remedy:
      "A controller fetches an image by itself: see that its own network reaches the deploy helper, that nobody's console holds its virtual media, and that its licence has them.",
    fault: "controller",
  },
  POWER_HOST_REFUSED: {
    text: "this site sends no requests of Nodes to {host}: its setting `webhooks` is {webhooks}",
    remedy:
      'Whoever declares a Node would have the deploy helper\'s host ask others whatever they like. Its operator allows hosts by `webhooks: ["10.0.20.0/24", "ha.example:8123"]`.',
    fault: "input",
  },
  POWER_UNCONFIRMED: {
    text: "nobody has confirmed of {address} {what}",
    remedy: "Look at the server, then tell it by `npx pulumi-baremetal nodes confirm NAME on` or `off`.",
    fault: "controller",
  },
  POWER_NOT_BY_HAND: {
    text: "node {node} is not switched by hand, but by its driver {driver} at {address}",
    remedy: "Nothing has to be confirmed: its state is what its controller tells.",
    fault: "input",
  },
  POWER_NOTHING_ASKED: {
    text: "nobody is asked to switch node {node}",
    remedy: "Say what it is: `npx pulumi-baremetal nodes confirm NAME on`, or `off`.",
    fault: "input",
  },
});
