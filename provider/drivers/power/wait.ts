import { MetalError } from "../../kernel/errors.ts";

/** A refusal by a controller that says for how long it is to be left alone. The manners heed it, as far as they bear. */
export class AskedToWait extends MetalError {
  readonly ms: number;

  constructor(error: MetalError, ms: number) {
    super(error.record, { cause: error.cause });
    this.ms = ms;
  }
}
