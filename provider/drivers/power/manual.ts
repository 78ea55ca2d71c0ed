import { z } from "zod";
import { type ControllerMemory, definePower, type PowerDriver } from "./driver.ts";
import { powerErrors } from "./errors.ts";

/** A server that a person switches. */
export const Manual = z
  .strictObject({
    driver: z.literal("manual").meta({ description: "By hand.", change: "in-place" }),
    address: z
      .string()
      .regex(/^\S.*$/, "must not be empty")
      .meta({
        description: "Where whoever is asked finds the server, as in `rack 1, unit 7`.",
        change: "in-place",
      }),
  })
  .meta({ id: "Manual", description: "A server that a person switches, who is asked and confirms it." });
export type Manual = z.output<typeof Manual>;

/** What they were asked for last, and what they have said since. */
const [wantedKey, confirmedKey] = ["wanted", "confirmed"];

/**
 * Whoever is there is asked on the resource's row, and what they confirm is the state. Once they are asked, nobody knows it
 * until they do: they may have switched already.
 */
export const manual = definePower<typeof Manual>({
  schema: Manual,
  controller: ({ address }) => `manual ${address}`,
  // Nothing is sent anywhere that would have to be spared; and somebody has to walk there.
  manners: { gap: "0 ms", gapAfterError: "0 ms", tries: 1, limit: "30 minutes" },
  warnings: ({ address }) => [
    `${address} is switched by hand: each time, whoever is there is asked on the resource's row, and has to confirm it`,
  ],
  confirm: async (memory, state) => {
    const confirmed = state ?? (await memory.get(wantedKey));
    if (confirmed !== "on" && confirmed !== "off") return undefined;
    await memory.set(wantedKey, undefined);
    await memory.set(confirmedKey, confirmed);
    return confirmed;
  },
  open({ address }, { memory, node }) {
    const confirmed = async () => stateOf(await memory.get(confirmedKey));
    const command = async () => `npx pulumi-baremetal nodes confirm ${await node()}`;
    return {
      async state() {
        const known = await confirmed();
        if (known === undefined) throw await unconfirmed(address, memory);
        return known;
      },
      async ask(ctx) {
        ctx.report({
          ...{ stage: `look whether ${address} is on`, note: `then ${await command()} on|off`, kept: true },
        });
      },
      async set(ctx, to) {
        if ((await confirmed()) === to) return;
        await memory.set(wantedKey, to);
        await memory.set(confirmedKey, undefined);
        ctx.report({ stage: `switch ${address} ${to}`, note: `then ${await command()}`, kept: true });
      },
    } satisfies PowerDriver;
  },
});

const stateOf = (said: string | undefined) => (said === "on" || said === "off" ? said : undefined);

async function unconfirmed(address: string, memory: ControllerMemory) {
  const wanted = stateOf(await memory.get(wantedKey));
  const what = wanted === undefined ? "whether it is on or off" : `that it was switched ${wanted}`;
  return powerErrors.make("POWER_UNCONFIRMED", { address, what });
}
