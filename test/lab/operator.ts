import { execa } from "execa";
import { limited, newContext, until } from "../../provider/kernel/context.ts";
import type { LabServer } from "./lab/index.ts";

/** Somebody who sits at a server's serial line. */
export interface Operator {
  /** He goes; what he has seen. Throws when he was thrown out before. */
  readonly end: () => Promise<string>;
}

/** Resolves when his session is open. */
export async function operatorAt({ bmc, cable, name }: LabServer): Promise<Operator> {
  const { address, port, user, password } = bmc;
  const words = ["-I", "lanplus", "-C", "3", "-H", address, "-p", `${port}`, "-U", user, "-E"];
  const child = execa("ipmitool", [...words, "sol", "activate"], {
    ...{ env: { IPMI_PASSWORD: password }, all: true, buffer: false, reject: false },
  });
  let seen = "";
  child.all.setEncoding("latin1").on("data", (text: string) => {
    seen += text;
  });
  // ipmitool says that it is connected only together with the first that it hears.
  await limited(newContext(), "60 seconds", "an operator's session", (ctx) =>
    until(ctx, "300 ms", async () => {
      if (child.exitCode !== null) throw new Error(`no session at ${name}: ${seen}`);
      cable?.say("(nothing yet)\r\n");
      return seen.includes("nothing yet");
    }),
  );
  return {
    async end() {
      if (child.exitCode !== null) throw new Error(`the session at ${name} ended: ${seen.slice(-300)}`);
      child.stdin?.write("~.");
      await child;
      return seen;
    },
  };
}
