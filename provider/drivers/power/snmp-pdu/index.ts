import type { Context } from "../../../kernel/context.ts";
import { hasCode } from "../../../kernel/errors.ts";
import { definePower, type PowerDriver } from "../driver.ts";
import { powerErrors } from "../errors.ts";
import { guardLogin } from "../login.ts";
import { controllerName } from "../name.ts";
import { indexOf, objectOf } from "./models.ts";
import type { Agent } from "./session.ts";
import { outletsOf, SnmpPdu } from "./settings.ts";

/** Between the outlets of one server: two supplies at once are twice the inrush. */
const stagger = 500;

/** A PDU by SNMP: the outlets that feed one server. It knows neither what boots nor how to ask a system to shut down. */
export const snmpPdu = definePower<typeof SnmpPdu>({
  schema: SnmpPdu,
  controller: ({ address, port }) => controllerName(address.toLowerCase(), port),
  switches: (settings) => settings.outlets.map((outlet) => `outlet ${indexOf(outlet, outletsOf(settings))}`),
  warnings: ({ address, version, authPassword }) => {
    if (version !== "v3")
      return [`the community of ${address} can be read on the way: SNMP v3 hides its secrets`];
    return authPassword === undefined
      ? [`${address} takes orders from everybody who knows its user's name`]
      : [];
  },
  open(settings, { memory }) {
    const { outlets, user = "" } = settings;
    const address = controllerName(settings.address.toLowerCase(), settings.port);
    const objects = outletsOf(settings);
    const guard = guardLogin(memory, loginOf(settings));

    /** A community that is not known is met with silence: it cannot be told from a PDU that is not there, and locks nobody out. */
    async function asked<T>(
      ctx: Context,
      talk: (agent: Agent) => Promise<T>,
      community = settings.community,
    ): Promise<T> {
      const { withAgent } = await import("./session.ts");
      if (settings.version !== "v3") return withAgent(ctx, { ...settings, community }, talk);
      if (await guard.wasRefused()) throw powerErrors.make("POWER_LOCKED_OUT", { address, user });
      const denied = (error: unknown) => hasCode(error, "POWER_DENIED");
      try {
        const answer = await withAgent(ctx, settings, talk).catch((error) => {
          // A question that was damaged on its way reads like a wrong key. Agents lock nobody out for a second one (RFC 3414).
          if (denied(error)) return withAgent(ctx, settings, talk);
          throw error;
        });
        await guard.accepted();
        return answer;
      } catch (error) {
        if (denied(error)) await guard.refused();
        throw error;
      }
    }

    async function look(agent: Agent, outlet: string): Promise<"on" | "off"> {
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
        const lookAtAll = async (agent: Agent) => {
          const seen: ("on" | "off")[] = [];
          for (const outlet of outlets) seen.push(await look(agent, outlet));
          return seen;
        };
        const states = await asked(ctx, lookAtAll, settings.readCommunity);
        const fed = states.filter((state) => state === "on").length;
        if (fed === 0 || fed === states.length) return fed === 0 ? "off" : "on";
        ctx.log.warn("only some of the outlets that feed the server are on", { controller: address });
        return "partly on";
      },
      set: (ctx, to) =>
        asked(ctx, async (agent) => {
          for (const [at, outlet] of outlets.entries()) {
            if (at > 0 && to === "on") await ctx.clock.sleep(stagger, ctx.signal);
            const { oid, value } = objects[to];
            await agent.set(objectOf(oid, outlet, objects), value, {
              ...{ look: false, what: `to switch outlet ${outlet} ${to}` },
            });
          }
        }),
    } satisfies PowerDriver;
  },
});

const loginOf = ({
  user = "",
  authProtocol,
  authPassword = "",
  privProtocol,
  privPassword = "",
}: SnmpPdu) => [...[user, authProtocol, authPassword], ...[privProtocol, privPassword]];
