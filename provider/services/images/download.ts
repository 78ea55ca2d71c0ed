import { mkdir } from "node:fs/promises";
import type { Context } from "../../kernel/context.ts";
import { MetalError } from "../../kernel/errors.ts";
import { showBytes, toBytes } from "../../kernel/units.ts";
import { imageErrors } from "./errors.ts";
import { isCode } from "./lock.ts";
import { meter } from "./meter.ts";
import { openPart, type Part } from "./part.ts";
import { persist } from "./persist.ts";
import type { Algorithm } from "./source.ts";
import { orNoSpace, type Room, requireSpace } from "./space.ts";
import type { ImageLimits } from "./types.ts";
import { rangeValidator, type Validators, validatorsOf } from "./validators.ts";
import { type Answer, ask, statusError, type WebOptions, webError } from "./web.ts";

export interface Job {
  readonly url: URL;
  /** Names the address, secrets in it unreadable. */
  readonly key: string;
  readonly algorithm: Algorithm;
  /** The bytes will be held against a declared digest, whatever the server says of them. */
  readonly isDeclared: boolean;
  /** The job's own folder. */
  readonly folder: string;
  readonly room: Room;
  readonly web: WebOptions;
  readonly limits: ImageLimits;
}

/** A source that lies on our disk, whole, with the digest of what was really received. */
export interface Gathered {
  readonly path: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly validators?: Validators;
}

/** Fetch a file, going on where an earlier attempt or process was cut off. Leaves the part behind if it ends early. */
export async function download(ctx: Context, job: Job): Promise<Gathered> {
  const { algorithm, room, limits } = job;
  await mkdir(job.folder, { recursive: true });
  const part = await openPart(ctx, { ...job, watch: () => requireSpace(room, 0) });
  const { path, sink } = part;
  let isWhole = false;
  try {
    await persist(
      ctx,
      limits,
      () => part.secured,
      () => attempt(ctx, job, part),
    );
    isWhole = true;
  } catch (error) {
    throw await orNoSpace(error, room, part.record?.length ?? sink.position);
  } finally {
    await (isWhole ? sink.finish() : sink.close());
  }
  const { etag, lastModified, length } = part.record ?? {};
  const validators = {
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
    ...(length === undefined ? {} : { length }),
  };
  return { path, digest: `${algorithm}:${part.hash.digest("hex")}`, size: sink.position, validators };
}

/** One request: goes on where the part ends if the server can, else begins again. */
async function attempt(ctx: Context, job: Job, part: Part): Promise<void> {
  const { source } = job.room;
  const answer = await askFor(ctx, job, part);
  try {
    if (answer.status === 416 && isComplete(part, answer)) return;
    if (answer.status === 416 || (answer.status === 206 && !goesOn(part, answer))) {
      await part.restart();
      throw imageErrors.make("IMAGE_UNREACHABLE", { source, reason: "it sent another piece than asked for" });
    }
    if (answer.status === 200) await begin(job, part, answer);
    else if (answer.status === 206) part.secured = part.sink.position;
    else throw statusError(answer.status, source);
    await requireRoom(job, part);
    await receive(ctx, job, part, answer);
  } finally {
    answer.close();
  }
}

async function askFor(ctx: Context, { web, url, room }: Job, { record, sink }: Part): Promise<Answer> {
  const validator = record && sink.position > 0 ? rangeValidator(record) : undefined;
  const headers: Record<string, string> =
    validator === undefined ? {} : { range: `bytes=${sink.position}-`, "if-range": validator };
  return ask(ctx, web, { method: "GET", url, source: room.source, headers });
}

const contentRange = (answer: Answer) =>
  /^bytes (?:(\d+)-\d+|\*)\/(\d+)$/.exec(answer.headers["content-range"] ?? "") ?? [];

const isComplete = ({ record, sink }: Part, answer: Answer) =>
  Number(contentRange(answer)[2]) === sink.position && record?.length === sink.position;

/** Whether a 206 is the rest of what we hold. Some servers ignore If-Range, so its ETag is compared too. */
function goesOn({ record, sink }: Part, answer: Answer): boolean {
  const [, from, total] = contentRange(answer);
  const { etag } = answer.headers;
  const isSameTotal = record?.length === undefined || Number(total) === record.length;
  return Number(from) === sink.position && isSameTotal && (etag === undefined || etag === record?.etag);
}

async function begin({ isDeclared, room }: Job, part: Part, answer: Answer): Promise<void> {
  const validators = validatorsOf(answer.headers);
  const isChunked = answer.headers["transfer-encoding"] !== undefined;
  if (validators.length === undefined && !isChunked && !isDeclared) {
    throw imageErrors.make("IMAGE_NO_LENGTH", { source: room.source });
  }
  await part.restart(validators);
}

async function requireRoom({ limits, room }: Job, { record, sink }: Part): Promise<void> {
  if (record?.length === undefined) return;
  refuseTooLarge(record.length, limits, room.source);
  await requireSpace(room, record.length - sink.position);
}

function refuseTooLarge(size: number, { maxSize }: ImageLimits, source: string): void {
  if (size <= toBytes(maxSize)) return;
  throw imageErrors.make("IMAGE_TOO_LARGE", { source, limit: showBytes(toBytes(maxSize)) });
}

async function receive(ctx: Context, job: Job, part: Part, answer: Answer): Promise<void> {
  const { source } = job.room;
  const total = part.record?.length;
  const tell = meter(ctx, source, total, part.sink.position);
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      part.hash.update(chunk);
      await part.sink.write(chunk);
      refuseTooLarge(part.sink.position, job.limits, source);
      tell(part.sink.position);
    }
  } catch (error) {
    ctx.signal.throwIfAborted();
    // Words of our own, or a fault of our own disk; the rest is the network's.
    if (error instanceof MetalError || isCode(error, "ENOSPC", "EDQUOT", "EIO", "EFBIG", "EROFS"))
      throw error;
    throw cut(source, part.sink.position, total, webError(error, source));
  }
  if (total !== undefined && part.sink.position !== total) throw cut(source, part.sink.position, total);
}

function cut(source: string, have: number, total: number | undefined, cause?: MetalError): MetalError {
  const whole = total === undefined ? "" : ` of ${total}`;
  return imageErrors.make(
    "IMAGE_TRUNCATED",
    { source, reason: `the server ended after ${have}${whole} bytes` },
    { cause },
  );
}
