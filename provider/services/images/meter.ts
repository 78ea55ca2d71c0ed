import type { Context } from "../../kernel/context.ts";

const every = 500;

/** Reports how far a transfer is, twice a second at most. `total` may be unknown. */
export function meter(
  ctx: Context,
  note: string,
  total: number | undefined,
  from = 0,
  stage = "fetching image",
): (done: number) => void {
  const begun = ctx.clock.now();
  let last = begun;
  return (done) => {
    const now = ctx.clock.now();
    if (now - last < every && done !== total) return;
    last = now;
    const rate = now > begun ? Math.round(((done - from) * 1000) / (now - begun)) : 0;
    ctx.report({
      stage,
      note,
      ...(total ? { percent: Math.min(100, Math.floor((done / total) * 100)) } : {}),
      ...(rate > 0 ? { rate } : {}),
      ...(rate > 0 && total ? { left: Math.max(0, Math.ceil((total - done) / rate)) } : {}),
    });
  };
}
