import type { Context } from "../../../../kernel/context.ts";
import type { InstanceSpec } from "../../../../resources/index.ts";
import { hostKeyPort } from "../../../../resources/wait-for.ts";
import { openProbe } from "../../../../services/probes/index.ts";
import type { AnswerSeen, DeploymentRecord } from "../../../../workflows/deployment.ts";
import type { Parts } from "../../parts.ts";
import type { createGone } from "./ramdisk-gone.ts";

/** How a system is looked for: at its addresses, or by what it said itself. */

export interface Cards
  extends ReadonlyArray<{ readonly mac: string; readonly address?: string | undefined }> {}

interface Looked {
  readonly spec: Pick<InstanceSpec, "waitFor">;
  readonly cards: Cards;
  readonly record: DeploymentRecord;
  readonly gone: ReturnType<typeof createGone>;
}

/** Look once, in the way that the instance is waited for. */
export async function probeSystem(
  ctx: Context,
  parts: Parts,
  { spec: { waitFor }, cards, record, gone }: Looked,
): Promise<AnswerSeen> {
  if (waitFor === "written") return { open: true, detail: "nothing is waited for" };
  if (waitFor === "phone-home") return await phoned(parts, record);
  const [address] = await addressesOf(parts, cards, record);
  if (address === undefined) return { open: false, detail: "no address is known" };
  const { answers, detail } = await openProbe(waitFor).ask(ctx, address);
  const other = await gone(record.id, answers);
  if (!answers) return { open: false, detail };
  if (waitFor === "ping" && !other) return { open: false, detail: `${detail}, perhaps still as the ramdisk` };
  const mac = await parts.network.macOf(ctx, address);
  // An answer counts only when it is known whose card gives it.
  if (mac === undefined)
    return { open: false, detail: `${detail}, but its MAC is not to be seen on this link` };
  return { open: true, detail, address, mac };
}

/** It may have called before it was waited for, or while no helper ran: what counts is what was kept. */
async function phoned({ store }: Parts, { id }: DeploymentRecord): Promise<AnswerSeen> {
  const heard = await store.heardFrom(id);
  if (heard === undefined) return { open: false, detail: "it has not phoned home yet" };
  const { peer, hostKeys } = heard;
  return { open: true, detail: `phoned home from ${peer}`, address: peer, hostKeys };
}

/** SSH host keys that an address shows now; none where no SSH server is waited for. */
export async function keysShown(
  ctx: Context,
  { hostKeys }: Pick<Parts, "hostKeys">,
  { waitFor }: Pick<InstanceSpec, "waitFor">,
  address: string | undefined,
): Promise<readonly string[]> {
  const port = hostKeyPort(waitFor);
  return address === undefined || port === undefined ? [] : hostKeys(ctx, address, port);
}

/** Where the system may be, best first: fixed address, where it phoned from, managed lease, the call-back's address. */
export async function addressesOf(
  { network }: Pick<Parts, "network">,
  cards: Cards,
  record: Pick<DeploymentRecord, "address" | "phonedFrom"> | undefined,
): Promise<readonly string[]> {
  const fixed = cards.flatMap(({ address }) => (address === undefined ? [] : [address]));
  const leased = await Promise.all(cards.map(({ mac }) => network.addressOf(mac)));
  const all = [...fixed, record?.phonedFrom, ...leased, record?.address].filter(
    (address) => address !== undefined,
  );
  return [...new Set(all)];
}
