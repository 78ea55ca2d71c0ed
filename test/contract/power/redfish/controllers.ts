import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll } from "vitest";
import type { Lent, PowerDriver } from "../../../../provider/drivers/power/driver.ts";
import { openPower, Power } from "../../../../provider/drivers/power/index.ts";
import { createKeeper } from "../../../../provider/drivers/power/kept.ts";
import { newContext } from "../../../../provider/kernel/context.ts";
import { type Identity, identityOf } from "../../../../provider/serve/certificate.ts";
import { lent } from "../lent.ts";
import { account, type Kind } from "./kind.ts";
import { type Machine, startMachine } from "./machine.ts";

/** Controllers of our own for the tests of a file, with one certificate. Each ends with its test. */
export interface Controllers {
  readonly tls: () => Identity;
  readonly settings: (port: number, more?: object) => Power;
  readonly start: (kind?: Kind) => Promise<Machine>;
  readonly open: (
    port: number,
    more?: object,
    how?: Partial<Lent>,
    known?: Map<string, string>,
  ) => PowerDriver & { readonly leave: () => Promise<void> };
  /** Done when the test ends. */
  readonly later: (stop: () => Promise<void>) => void;
}

export function controllers(): Controllers {
  let folder: string;
  let tls: Identity;
  const stops: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "redfish-"));
    tls = await identityOf(newContext(), { stateDir: folder, certificate: undefined, key: undefined });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });
  const settings = (port: number, more: object = {}) =>
    Power.parse({
      ...{ driver: "redfish", address: `127.0.0.1:${port}`, ...account, fingerprint: tls.fingerprint },
      ...more,
    });
  return {
    ...{ tls: () => tls, settings, later: (stop) => stops.push(stop) },
    async start(kind = {}) {
      const machine = await startMachine(tls, kind);
      stops.push(machine.stop);
      return machine;
    },
    open(port, more = {}, how = {}, known) {
      const keeper = createKeeper();
      stops.push(keeper.close);
      const { driver } = openPower(settings(port, more), lent(known, { kept: keeper.of("c"), ...how }));
      return { ...driver, leave: keeper.close };
    },
  };
}
