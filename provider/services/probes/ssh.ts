import { knock } from "./port.ts";
import { type Probe, sshPort } from "./probe.ts";

/** An SSH server that greets: the port alone may be opened by a socket whose program does not come up. */
export const sshProbe = (port = sshPort): Probe => ({
  name: "SSH",
  async ask(ctx, address) {
    // Lines may come before the one that counts (RFC 4253, section 4.2).
    const { answers, words } = await knock(ctx, address, port, (first) => /^SSH-/m.test(first));
    return { answers, detail: `${address} ${words}` };
  },
});
