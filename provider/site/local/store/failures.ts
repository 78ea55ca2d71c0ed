import { statfsSync } from "node:fs";
import { hasCode, MetalError } from "../../../kernel/errors.ts";
import { StepFailed } from "../../../workflows/run.ts";
import { siteErrors } from "../../errors.ts";
import { PartlyDone } from "../../site.ts";

/** What SQLite and the system say of a state folder, as failures of the catalogue; undefined for anything else. */
export function storeFailure(stateDir: string, error: unknown): MetalError | undefined {
  if (!(error instanceof Error) || error instanceof MetalError) return undefined;
  const { message } = error;
  const code = codeOf(error);
  const make = (what: "STORE_UNWRITABLE" | "STORE_DAMAGED") =>
    siteErrors.make(what, { stateDir, reason: message }, { cause: error });
  if (/^SQLITE_(CORRUPT|NOTADB|IOERR_SHORT_READ)/.test(code)) return make("STORE_DAMAGED");
  // Without room for its index a database cannot be opened either, and says only that: the disk is asked.
  const full = /^(SQLITE_FULL|ENOSPC|EDQUOT)$/.test(code);
  const perhaps = /^(SQLITE_(IOERR|CANTOPEN|READONLY|PERM)|EROFS$|EACCES$|EPERM$|EIO$|ENOTDIR$)/.test(code);
  if (full || (perhaps && isFull(stateDir)))
    return siteErrors.make("STORE_FULL", { stateDir }, { cause: error });
  return perhaps ? make("STORE_UNWRITABLE") : undefined;
}

/** libsql has none where it cannot open a file. */
function codeOf(error: NodeJS.ErrnoException): string {
  return /^ConnectionFailed/.test(error.message) ? "SQLITE_CANTOPEN" : String(error.code);
}

/** Whether work ended because nothing can be written down any more: it is no failure of the work, and goes on later. */
export function isUnrecorded(error: unknown): boolean {
  if (error instanceof PartlyDone) return unrecorded.includes(error.record.code);
  return hasCode(error instanceof StepFailed ? error.failure : error, ...unrecorded);
}
const unrecorded = ["STORE_FULL", "STORE_UNWRITABLE", "STORE_DAMAGED"];

/** Do something with the store; what it says of its disk is told in words. */
export function inStore<T>(stateDir: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw storeFailure(stateDir, error) ?? error;
  }
}

/** Less than SQLite takes for one page of anything. */
const page = 64 * 2 ** 10;

function isFull(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize < page;
  } catch {
    return false;
  }
}
