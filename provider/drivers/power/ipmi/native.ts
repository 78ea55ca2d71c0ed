import type { Context } from "../../../kernel/context.ts";
import { MetalError } from "../../../kernel/errors.ts";
import type { ControllerMemory } from "../driver.ts";
import type { Carrier, Request } from "./commands.ts";
import { logins } from "./login.ts";
import { NoWay } from "./rmcp/link.ts";
import { privileges } from "./rmcp/login.ts";
import { type Access, inSession } from "./rmcp/session.ts";
import { Failed, refused } from "./rmcp/status.ts";
import { type Ipmi, kgBytes } from "./settings.ts";
import { type Trouble, worded } from "./trouble.ts";

const clientKey = "ipmi-client";
/** Refusals that may be a misunderstanding of ours: ipmitool knows what more controllers mean. */
const doubtful = ["POWER_DENIED", "POWER_KG", "POWER_ODD_REPLY"];

/** Commands by our own client, all of one body in one session; by the other carrier where ours finds no way in, if that is allowed. */
export function natively(settings: Ipmi, memory: ControllerMemory, otherwise: Carrier): Carrier {
  const login = logins(settings, memory);
  const alone = settings.client === "native";
  return async (ctx, body) => {
    if (!alone && (await memory.get(clientKey)) === "ipmitool") return await otherwise(ctx, body);
    let refusal: Failed | undefined;
    const carry = async (suite: number) => {
      const failure = (trouble: Trouble, what: string) => worded(trouble, settings, suite, what);
      try {
        return await inSession(ctx, accessOf(settings, suite), (ask) =>
          body(async (request) => {
            const [code, ...data] = await ask(asBytes(request), request.order ? late : {}).catch(
              (error: unknown) => {
                throw error instanceof Failed ? failure(error.trouble, request.what) : error;
              },
            );
            if (code !== 0) throw failure(refused(code).trouble, request.what);
            return Buffer.from(data);
          }),
        );
      } catch (error) {
        if (error instanceof NoWay) throw failure({ code: "POWER_UNREACHABLE", reason: error.message }, "");
        if (!(error instanceof Failed)) throw error;
        if (doubtful.includes(error.trouble.code)) refusal = error;
        throw failure(error.trouble, "a session");
      }
    };
    return await login.guarded(async () => {
      try {
        return await login.bySuite(carry);
      } catch (error) {
        if (alone || refusal === undefined) throw error;
        return await instead(ctx, error);
      }
    });

    async function instead(inner: Context, error: unknown) {
      const answer = await otherwise(inner, body).catch((reason: unknown) => {
        // A host without ipmitool has only our word.
        throw reason instanceof MetalError && reason.code !== "PROGRAM_MISSING" ? reason : error;
      });
      inner.log.warn(
        "the controller lets ipmitool in, and not our own client: it is asked by ipmitool from now on",
        {
          reason: refusal?.message ?? "",
        },
      );
      await memory.set(clientKey, "ipmitool");
      return answer;
    }
  };
}

/** ms: an order is sent again as late as ipmitool does it. */
const late = { first: 1_000 };

export const asBytes = ({ netFn, command, data }: Request) => ({ netFn, command, data: Buffer.from(data) });

const accessOf = ({ address, port, user, password, kg, privilege }: Ipmi, suite: number): Access => ({
  ...{ address, port, suite, privilege: privileges[privilege] },
  ...{ user: Buffer.from(user), password: Buffer.from(password) },
  kg: kg === undefined ? undefined : kgBytes(kg),
});
