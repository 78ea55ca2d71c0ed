import type { Context } from "../../../kernel/context.ts";
import { hasCode } from "../../../kernel/errors.ts";
import { definePower, type PowerDriver } from "../driver.ts";
import { powerErrors } from "../errors.ts";
import { guardLogin } from "../login.ts";
import { indexOf, objectOf } from "./models.ts";
import { type Feed, feedsOf, outletsOf, pduName } from "./outlets.ts";
import type { Agent } from "./session.ts";
import { SnmpPdu } from "./settings.ts";

/** Between the outlets of one server: two supplies at once are twice the inrush. */
const stagger = 500;

/** A PDU by SNMP: the outlets that feed one server. It knows neither what boots nor how to ask a system to shut down. */
export const snmpPdu = definePower<typeof SnmpPdu>({
  schema: SnmpPdu,
  controller: pduName,
  switches: (settings) => outletsAs(settings, settings.outlets),
  beside: (settings) =>
    (settings.also ?? []).map((feed) => ({
      ...{ controller: pduName(feed), switches: outletsAs(settings, feed.outlets) },
    })),
  warnings: ({ address, version, authPassword }) => {
    if (version !== "v3")
      return [`the community of ${address} can be read on the way: SNMP v3 hides its secrets`];
    return authPassword === undefined
      ? [`${address} takes orders from everybody who knows its user's name`]
      : [];
  },
  open(settings, { memory }) {
    const { user = "" } = settings;
    const feeds = feedsOf(settings);
    const objects = outletsOf(settings);
    const guard = guardLogin(memory, loginOf(settings));

    /** A community that is not known is met with silence: it cannot be told from a PDU that is not there, and locks nobody out. */
    async function asked<T>(
      ctx: Context,
      { address, port }: Feed,
      talk: (agent: Agent) => Promise<T>,
      community = settings.community,
    ): Promise<T> {
      const { withAgent } = await import("./session.ts");
      const there = { ...settings, address, port };
      if (settings.version !== "v3") return withAgent(ctx, { ...there, community }, talk);
      if (await guard.wasRefused())
        throw powerErrors.make("POWER_LOCKED_OUT", { address: pduName(there), user });
      const denied = (error: unknown) => hasCode(error, "POWER_DENIED");
      try {
        const answer = await withAgent(ctx, there, talk).catch((error) => {
          // A question that was damaged on its way reads like a wrong key. Agents lock nobody out for a second one (RFC 3414).
          if (denied(error)) return withAgent(ctx, there, talk);
          throw error;
        });
        await guard.accepted();
        return answer;
      } catch (error) {
        if (denied(error)) await guard.refused();
        throw error;
      }
    }

    async function look(agent: Agent, address: string, outlet: string): Promise<"on" | "off"> {
      const doing = { look: true, what: `the state of outlet ${outlet}` };
      const value = await agent.get(objectOf(objects.state, outlet, objects), doing);
      if (objects.isOn.includes(value)) return "on";
      if (objects.isOff.includes(value)) return "off";
      if (objects.passes?.includes(value)) {
        const reason = `outlet ${outlet} is in state ${value}, which passes`;
        throw powerErrors.make("POWER_BUSY", { address, reason });
      }
      throw powerErrors.make("POWER_ODD_REPLY", { address, reply: `${value}`, what: doing.what });
    }

    return {
      async state(ctx) {
        const states: ("on" | "off")[] = [];
        for (const feed of feeds) {
          const lookAtAll = async (agent: Agent) => {
            const seen: ("on" | "off")[] = [];
            for (const outlet of feed.outlets) seen.push(await look(agent, pduName(feed), outlet));
            return seen;
          };
          states.push(...(await asked(ctx, feed, lookAtAll, settings.readCommunity)));
        }
        const fed = states.filter((state) => state === "on").length;
        if (fed === 0 || fed === states.length) return fed === 0 ? "off" : "on";
        ctx.log.warn("only some of the outlets that feed the server are on", {
          controller: pduName(settings),
        });
        return "partly on";
      },
      async set(ctx, to) {
        const { oid, value } = objects[to];
        let switched = 0;
        for (const feed of feeds) {
          await asked(ctx, feed, async (agent) => {
            for (const outlet of feed.outlets) {
              if (switched++ > 0 && to === "on") await ctx.clock.sleep(stagger, ctx.signal);
              const what = `to switch outlet ${outlet} ${to}`;
              await agent.set(objectOf(oid, outlet, objects), value, { look: false, what });
            }
          });
        }
      },
    } satisfies PowerDriver;
  },
});

const outletsAs = (settings: SnmpPdu, outlets: readonly string[]) =>
  outlets.map((outlet) => `outlet ${indexOf(outlet, outletsOf(settings))}`);

const loginOf = ({
  user = "",
  authProtocol,
  authPassword = "",
  privProtocol,
  privPassword = "",
}: SnmpPdu) => [...[user, authProtocol, authPassword], ...[privProtocol, privPassword]];
