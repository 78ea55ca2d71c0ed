import { describe, expect, it } from "vitest";
import { newContext } from "../../../provider/kernel/context.ts";
import type { Probe } from "../../../provider/services/probes/probe.ts";

/** A system that is up, as one kind of probe has to find it. */
export interface Up {
  readonly probe: Probe;
  readonly address: string;
}

/** Of the range that is reserved (RFC 1112, section 4): nobody is there, and no gateway speaks for it. */
export const nobody = "240.0.0.1";
export const ctx = newContext();

/** What every probe keeps to. */
export function obeysProbeContract(open: () => Promise<Up>): void {
  describe("as every probe", () => {
    it("finds a system that is up, and tells at which address", async () => {
      const { probe, address } = await open();
      const heard = await probe.ask(ctx, address);
      expect(heard).toEqual({ answers: true, detail: expect.stringContaining(`${address} answers`) });
      expect(probe.name).toMatch(/^\w[\w ]+$/);
    }, 15_000);

    it("takes silence for an answer, within seconds", async () => {
      const { probe } = await open();
      const started = Date.now();
      const heard = await probe.ask(ctx, nobody);
      expect(heard).toEqual({ answers: false, detail: expect.stringContaining(nobody) });
      expect(Date.now() - started).toBeLessThan(6_000);
    }, 15_000);

    it("ends with its caller's signal", async () => {
      const { probe } = await open();
      const cancel = new AbortController();
      const asked = probe.ask(newContext({ signal: cancel.signal }), nobody).catch(() => undefined);
      const started = Date.now();
      setTimeout(() => cancel.abort(new Error("enough")), 50);
      expect((await asked)?.answers ?? false).toBe(false);
      expect(Date.now() - started).toBeLessThan(1_500);
    }, 15_000);
  });
}
