import { readFileSync, readlinkSync } from "node:fs";
import type { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import type { Say } from "../progress.ts";

/** The engine's log service, on which a line appears on the row of a resource. */
export interface Status {
  /** Says lines for one resource. Never throws: status is no reason to fail. */
  readonly on: (urn: string) => Say;
  readonly warn: (urn: string, text: string) => void;
  /** Worth reading and nothing to worry about; kept among the messages of the resource. */
  readonly info: (urn: string, text: string) => void;
  /** Answers when the engine cannot be reached any more. */
  readonly gone: Promise<void>;
}

const INFO = 1;
const WARNING = 2;

/**
 * Connect to the engine that started this plugin process: its address is the last argument (facts: a dynamic provider
 * is not given a log of its own, but may open one).
 */
export async function connectStatus(address: string | undefined): Promise<Status> {
  if (address === undefined || !/^[\w.[\]:-]+:\d+$/.test(address))
    return { on: () => () => {}, warn: () => {}, info: () => {}, gone: new Promise(() => {}) };
  const [{ credentials }, services, messages] = await Promise.all([
    import("@grpc/grpc-js"),
    import("@pulumi/pulumi/proto/engine_grpc_pb.js"),
    import("@pulumi/pulumi/proto/engine_pb.js"),
  ]);
  const client = new services.default.EngineClient(address, credentials.createInsecure());
  // One after the other: calls that are under way together may overtake each other.
  let turn: Promise<void> = Promise.resolve();
  const log = (severity: 1 | 2, urn: string, text: string, ephemeral: boolean) => {
    const request = new messages.default.LogRequest();
    request.setSeverity(severity);
    request.setUrn(urn);
    request.setMessage(text);
    request.setEphemeral(ephemeral);
    turn = turn.then(() => new Promise((said) => client.log(request, () => said())));
  };
  return {
    on: (urn) => (line, ephemeral) => log(INFO, urn, line, ephemeral),
    warn: (urn, text) => log(WARNING, urn, text, false),
    info: (urn, text) => log(INFO, urn, text, false),
    gone: lost(client),
  };
}

/** A connection that rests long enough is closed by its own side: only who cannot connect again has lost the engine. */
async function lost(client: EngineClient): Promise<void> {
  const channel = client.getChannel();
  for (;;) {
    const connected = await new Promise((resolve) =>
      client.waitForReady(Date.now() + 5_000, (error) => resolve(!error)),
    );
    if (!connected) return;
    const state = channel.getConnectivityState(false);
    await new Promise<void>((changed) => channel.watchConnectivityState(state, Infinity, () => changed()));
  }
}

/**
 * Whether the `pulumi` that started us writes to a terminal. It tells nobody, so its standard output is looked at;
 * where that cannot be seen, a log file is the safe guess.
 */
export function writesToTerminal(pid: number): boolean {
  try {
    for (let current = pid; current > 1; ) {
      const stat = readFileSync(`/proc/${current}/stat`, "utf8");
      const [, command = "", parent = "0"] = /\((.*)\) \S (\d+)/.exec(stat) ?? [];
      if (command === "pulumi") return /^\/dev\/(pts\/|tty)/.test(readlinkSync(`/proc/${current}/fd/1`));
      current = Number(parent);
    }
  } catch {
    // No /proc, or a process that is not ours.
  }
  return false;
}
