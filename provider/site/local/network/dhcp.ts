import type { MetalError } from "../../../kernel/errors.ts";
import type { Dnsmasq } from "../../../services/dnsmasq/index.ts";

/** DHCP and TFTP of a site, as long as it is open. */
export interface Dhcp {
  /** Have them served again if dnsmasq ended so often that it was given up: a new deployment is a new beginning. */
  readonly ensure: () => Promise<void>;
  /** Why nothing is served: dnsmasq was given up. */
  readonly died: () => MetalError | undefined;
  readonly stop: () => Promise<void>;
}

export async function openDhcp(start: () => Promise<Dnsmasq>): Promise<Dhcp> {
  let running = await begin();
  let dead = false;
  let why: MetalError | undefined;
  let reviving: Promise<void> | undefined;

  async function begin(): Promise<Dnsmasq> {
    const one = await start();
    void one.ended.then((error) => {
      dead = true;
      why = error;
    });
    return one;
  }
  async function revive(): Promise<void> {
    running = await begin();
    dead = false;
    why = undefined;
  }
  return {
    async ensure() {
      if (!dead) return;
      reviving ??= revive().finally(() => {
        reviving = undefined;
      });
      await reviving;
    },
    died: () => why,
    stop: () => running.stop(),
  };
}
