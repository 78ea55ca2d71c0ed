import type { Context } from "../../../kernel/context.ts";
import { hasCode } from "../../../kernel/errors.ts";
import { type BootTarget, definePower, type PowerDriver } from "../driver.ts";
import { powerErrors } from "../errors.ts";
import { type Lists, onMachine } from "../hypervisor/find.ts";
import { virtual } from "../hypervisor/manners.ts";
import { lastLine, masked } from "../program.ts";
import { type Domain, readDomain } from "./domain.ts";
import { askForCards, readCards, readDomains, readState } from "./read.ts";
import { hypervisorOf, Virsh } from "./settings.ts";
import { type Ask, askVirsh } from "./virsh.ts";

/** A domain of libvirt, on the deploy helper's host or on one that it reaches by ssh. */
export const virsh = definePower<typeof Virsh>({
  schema: Virsh,
  controller: hypervisorOf,
  switches: ({ domain }) => [domain],
  manners: virtual,
  open(settings, { kept, runOn }) {
    const address = hypervisorOf(settings);
    const ask = askVirsh(settings, runOn);
    const odd = (reply: string, what: string) =>
      powerErrors.make("POWER_ODD_REPLY", { address, reply: masked([], lastLine(reply)), what });
    const on = onMachine(address, settings.domain, listsOf(ask, odd), kept);

    async function stateOf(ctx: Context, uuid: string): Promise<"on" | "off"> {
      const said = await ask(ctx, ["domstate", uuid], "its state");
      const state = readState(said);
      if (state === undefined) throw odd(said, "its state");
      if (state !== "busy") return state;
      throw powerErrors.make("POWER_BUSY", { address, reason: "the domain is shutting down" });
    }

    /** One that is so already is refused, in words that differ; only its state tells that it is no failure. */
    async function send(ctx: Context, uuid: string, verb: string, to: "on" | "off"): Promise<void> {
      try {
        await ask(ctx, [verb, uuid], `a ${verb} of ${settings.domain}`);
      } catch (error) {
        if (!hasCode(error, "POWER_ODD_REPLY") || (await stateOf(ctx, uuid)) !== to) throw error;
      }
    }

    async function domainOf(ctx: Context, uuid: string, ...secrets: readonly string[]): Promise<Domain> {
      const text = await ask(ctx, ["dumpxml", "--inactive", ...secrets, uuid], "its definition");
      const domain = await readDomain(text);
      // It is not shown: where it was cut off it may end in a password.
      if (domain === undefined) throw odd("what is no domain", "its definition");
      return domain;
    }

    async function setBoot(ctx: Context, uuid: string, target: BootTarget): Promise<void> {
      // With its passwords: a definition without them would take them away.
      const domain = await domainOf(ctx, uuid, "--security-info");
      if (domain.firmware !== target.firmware) {
        const { firmware: declared } = target;
        ctx.log.warn("the domain starts by other firmware than declared", { declared, has: domain.firmware });
      }
      if (target.device === "network") await refuseSaved(ctx, uuid);
      if (domain.boots === target.device) return;
      const changed = domain.bootingFrom(target.device);
      if ("cannot" in changed) throw cannot(target, changed.cannot);
      await ask.withFile(ctx, ["define"], changed.xml, "a new definition");
    }

    /** One whose memory was saved goes on where it was, and boots nothing: with a disk that was written meanwhile. */
    async function refuseSaved(ctx: Context, uuid: string): Promise<void> {
      const info = await ask(ctx, ["dominfo", uuid], "whether its memory is saved");
      if (!/^Managed save:\s+yes$/m.test(info)) return;
      const reason = `its memory is saved, \`virsh managedsave-remove ${settings.domain}\` forgets it`;
      throw cannot({ device: "network" }, reason);
    }

    const cannot = ({ device }: Pick<BootTarget, "device">, reason: string) =>
      powerErrors.make("POWER_CANNOT", {
        address,
        what: `boot ${settings.domain} from the ${device}: ${reason}`,
      });

    return {
      state: (ctx) => on(ctx, (uuid) => stateOf(ctx, uuid)),
      set: (ctx, to) => on(ctx, (uuid) => send(ctx, uuid, to === "on" ? "start" : "destroy", to)),
      softOff: (ctx) => on(ctx, (uuid) => send(ctx, uuid, "shutdown", "off")),
      setBoot: (ctx, target) => on(ctx, (uuid) => setBoot(ctx, uuid, target)),
      async boot(ctx) {
        const { boots: device, firmware } = await on(ctx, (uuid) => domainOf(ctx, uuid));
        return device && { device, persistent: true, firmware };
      },
      identity: async (ctx) => (await on(ctx, (uuid) => domainOf(ctx, uuid))).identity,
    } satisfies PowerDriver;
  },
});

/** So many domains are asked for their cards at once: an argument has room for no more than 128 KiB. */
const atOnce = 500;

function listsOf(ask: Ask, odd: (reply: string, what: string) => Error): Lists {
  return {
    async machines(ctx) {
      const text = await ask(ctx, ["list", "--all", "--persistent", "--uuid", "--name"], "its domains");
      const domains = readDomains(text);
      if (domains === undefined) throw odd(text, "its domains");
      return domains;
    },
    async macs(ctx, uuids) {
      const macs = new Map<string, readonly string[]>();
      for (let from = 0; from < uuids.length; from += atOnce) {
        const some = uuids.slice(from, from + atOnce);
        const text = await ask(ctx, [askForCards(some)], "its network cards");
        const found = readCards(text);
        if (found === undefined) throw odd(text, "its network cards");
        for (const [uuid, cards] of found) macs.set(uuid, cards);
      }
      return macs;
    },
  };
}
