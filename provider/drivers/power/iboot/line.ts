import { once } from "node:events";
import { connect } from "node:net";
import type { Context } from "../../../kernel/context.ts";
import { powerErrors } from "../errors.ts";
import type { IbootPlace } from "./settings.ts";

/** The device closed the connection, or it broke, before all was said. */
export class HungUp extends Error {
  override readonly name = "HungUp";
}

/** A connection to a device, for one command. */
export interface Line {
  readonly send: (bytes: Buffer | string) => void;
  /** So many bytes, in however many pieces they come. HungUp. */
  readonly read: (count: number) => Promise<Buffer>;
  /** What comes until the device closes or says nothing for so long, at most so many bytes; may be empty. */
  readonly readOut: (most: number, quiet: number) => Promise<Buffer>;
}

/** Talk over a connection of its own, which is gone afterwards. POWER_UNREACHABLE, HungUp. */
export async function overLine<T>(
  ctx: Context,
  { host, port, name }: Pick<IbootPlace, "host" | "port" | "name">,
  talk: (line: Line) => Promise<T>,
): Promise<T> {
  ctx.signal.throwIfAborted();
  const socket = connect({ host, port, noDelay: true });
  const end = () => socket.destroy();
  ctx.signal.addEventListener("abort", end, { once: true });
  try {
    await once(socket, "connect", { signal: ctx.signal }).catch((cause: NodeJS.ErrnoException) => {
      const reason = cause.code ?? cause.message;
      throw powerErrors.make("POWER_UNREACHABLE", { address: name, reason }, { cause });
    });
    socket.on("error", () => {}); // told by the reader, which finds that nothing comes any more
    return await talk(lineOn(socket, end));
  } catch (error) {
    ctx.signal.throwIfAborted();
    throw error;
  } finally {
    ctx.signal.removeEventListener("abort", end);
    end();
  }
}

function lineOn(socket: NodeJS.ReadableStream & NodeJS.WritableStream, end: () => void): Line {
  const pieces = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let waiting = Buffer.alloc(0);
  /** Whether anything came. */
  const more = async (): Promise<boolean> => {
    const { done, value } = await pieces.next().catch(() => ({ done: true, value: undefined }));
    if (done || value === undefined) return false;
    waiting = Buffer.concat([waiting, value]);
    return true;
  };
  const take = (count: number) => {
    const taken = waiting.subarray(0, count);
    waiting = waiting.subarray(count);
    return taken;
  };
  return {
    send: (bytes) => void socket.write(bytes),
    async read(count) {
      while (waiting.length < count) {
        if (!(await more())) throw new HungUp(`${waiting.length} of ${count} bytes`);
      }
      return take(count);
    },
    async readOut(most, quiet) {
      while (waiting.length < most) {
        const timer = waiting.length > 0 ? setTimeout(end, quiet) : undefined;
        const came = await more();
        clearTimeout(timer);
        if (!came) break;
      }
      return take(most);
    },
  };
}
