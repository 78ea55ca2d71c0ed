import type { Dnsmasq } from "../../../services/dnsmasq/index.ts";

/** DHCP and TFTP of a site, as long as it is open. */
export interface Dhcp {
  /** Have them served again if dnsmasq ended so often that it was given up: a new deployment is a new beginning. */
  readonly ensure: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export async function openDhcp(start: () => Promise<Dnsmasq>): Promise<Dhcp> {
  let running = await begin();
  let dead = false;
  let reviving: Promise<void> | undefined;

  async function begin(): Promise<Dnsmasq> {
    const one = await start();
    void one.ended.then(() => {
      dead = true;
    });
    return one;
  }
  async function revive(): Promise<void> {
    running = await begin();
    dead = false;
  }
  return {
    async ensure() {
      if (!dead) return;
      reviving ??= revive().finally(() => {
        reviving = undefined;
      });
      await reviving;
    },
    stop: () => running.stop(),
  };
}
