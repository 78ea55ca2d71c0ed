import { bytesOf, endOf, type Range, sliced, within } from "./ranges.ts";
import type { Region } from "./verify.ts";

/** One run of `qemu-img convert`. */
export interface Call {
  readonly region: Region;
  /** In the source's offsets. */
  readonly range: Range;
  /** The disk is proven to be zero there: only data is sent. */
  readonly zero: boolean;
  /** How much of the whole it counts for. */
  readonly weight: number;
}

// qemu-img tells its progress in steps of 1 % of the data, and nothing while it sends zeros: a call that is not too long
// shows in time that it is alive. Starting one takes 15-30 ms.
const longest = 2 * 2 ** 30;
// A guess, for the progress only: zeros travel as one command for many bytes.
const zerosPerByte = 8;

/** The calls that put a region on a disk whose first `provenZero` bytes are zero. */
export function callsFor(region: Region, provenZero: number): Call[] {
  const { range, at, data } = region;
  const proven = Math.floor(provenZero / 2 ** 20) * 2 ** 20 - at;
  const border = Math.min(Math.max(proven, range.start), endOf(range));
  const call = (zero: boolean) => (slice: Range) => {
    const bytes = bytesOf(within(data, slice));
    const zeros = zero ? 0 : (slice.length - bytes) / zerosPerByte;
    return { region, range: slice, zero, weight: bytes + zeros };
  };
  return [
    ...sliced({ start: range.start, length: border - range.start }, longest).map(call(true)),
    ...sliced({ start: border, length: endOf(range) - border }, longest).map(call(false)),
  ].filter(({ weight }) => weight > 0);
}
