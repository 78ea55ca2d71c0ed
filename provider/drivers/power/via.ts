import { z } from "zod";
import { MetalError } from "../../kernel/errors.ts";
import { createGate } from "../../kernel/gate.ts";
import { type Run, run } from "../../kernel/process.ts";
import { type SshHost, sshHost } from "../../services/ssh/address.ts";

/** The field of a driver that runs a program: which host runs it. */
export const via = z
  .string()
  .superRefine((text, { addIssue }) => {
    try {
      sshHost(text);
    } catch (error) {
      addIssue({ code: "custom", message: (error as MetalError).record.text });
    }
  })
  .optional()
  .meta({
    description:
      "The host that reaches the controller, where the deploy helper's does not: `ssh://user@jump:port`. The driver's program runs there, by the `ssh` of the helper's user (docs/ssh.md).",
    change: "in-place",
  });

/** Where the programs of drivers run. */
export type RunOn = (host: SshHost | undefined) => Run;

/** Processes, unlike questions by a socket, are a load: so many for two cores. */
const atOnce = 16;

/** The same, a few at once. */
export function fewAtOnce(running: Run): Run {
  const gate = createGate(atOnce);
  return async (ctx, ...command) => {
    const leave = await gate.enter(ctx.signal);
    try {
      return await running(ctx, ...command);
    } finally {
      leave();
    }
  };
}

/** On this host alone. */
export const onlyHere: RunOn = (host) => {
  if (host === undefined) return run;
  throw new TypeError(`nothing here runs programs on ${host.shown}`);
};

interface Behind {
  readonly via?: string | undefined;
}

/** The name of a controller behind another host: networks behind two of them may have the same addresses. */
export const namedVia = (controller: string, settings: Behind): string =>
  settings.via === undefined ? controller : `${controller} via ${sshHost(settings.via).shown}`;

/** How the program of a driver with these settings is run. */
export function runVia(settings: Behind, runOn: RunOn): Run {
  if (settings.via === undefined) return runOn(undefined);
  const there = runOn(sshHost(settings.via));
  return async (...command) => {
    try {
      return await there(...command);
    } catch (error) {
      if (!(error instanceof MetalError)) throw error;
      // A controller without a way to it is as one that is silent: nothing is known of its machine, and waiting may help.
      throw new MetalError({ ...error.record, fault: "controller" }, { cause: error.cause });
    }
  };
}
