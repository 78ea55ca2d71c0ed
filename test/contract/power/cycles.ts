import { createConduct } from "../../../provider/drivers/power/conduct/index.ts";
import { openPower, Power } from "../../../provider/drivers/power/index.ts";
import { type Context, newContext } from "../../../provider/kernel/context.ts";
import { startUdpWire } from "../../lab/faults/udp.ts";
import { admin, password } from "./ipmi-peer.ts";
import { startIpmiSim } from "./ipmi-sim.ts";
import { lent } from "./lent.ts";

/** How often a server is switched on and off, by whom, and how much of what is said is lost each way. */
interface Cycles {
  readonly client: "native" | "ipmitool";
  readonly times: number;
  /** Share of the packets. */
  readonly lose: number;
  /** Decides which. */
  readonly seed: number;
}

/** What became of a server that was switched on and off many times. */
export interface Cycled {
  /** Changes after which the machine itself was not as it was told. */
  readonly wrong: number;
  /** Sessions that began before the one before had said its last. */
  readonly overlapping: number;
  readonly sessions: number;
  /** Packets, and those that were lost on their way there. */
  readonly sent: number;
  readonly lost: number;
}

/** What came from one socket, from its first packet to its last. */
interface Talk {
  readonly first: number;
  last: number;
  plus: boolean;
}

/** ms: who greets, and is not answered, greets again before that. */
const longestPause = 3_000;

// A controller in a rack has a second between two commands; here its emulator is asked at once.
const quick = {
  gap: "20 ms",
  gapAfterError: "50 ms",
  rest: "50 ms",
  poll: "50 ms",
  stagger: "1 ms",
} as const;

/**
 * Switch the machine behind an ipmi_sim on and off so many times, over a wire that loses this share each way. Its own word is
 * asked after each change, and the wire is asked who spoke when.
 */
async function cycle(ctx: Context, { client, times, lose, seed }: Cycles): Promise<Cycled> {
  const talks: Talk[] = [];
  const talking = new Map<number, Talk>();
  const sim = await startIpmiSim({ users: [admin] });
  const wire = await startUdpWire(sim.port, {
    seed,
    weather: { lose },
    meddle(packet, from) {
      const at = performance.now();
      // Byte 4: IPMI 2.0. A greeting, which has a format without sessions, is another talk from a port that was free again: where
      // there was a session before, or a greeting that nobody repeats any more.
      const plus = packet[4] === 6;
      const known = talking.get(from);
      const another = !known || (!plus && (known.plus || at - known.last > longestPause));
      const talk = another ? { first: at, last: at, plus } : known;
      if (talk !== known) talks.push(talk);
      talking.set(from, Object.assign(talk, { last: at, plus: talk.plus || plus }));
      return "pass";
    },
  });
  try {
    const at = { driver: "ipmi", address: "127.0.0.1", port: wire.port, user: "admin", password };
    const handle = openPower(Power.parse({ ...at, client, cipherSuite: 3 }), lent());
    const power = createConduct({ ...quick, limit: "5 minutes", tries: 9 }).around(handle);
    let wrong = 0;
    for (let done = 0; done < times; done += 1) {
      for (const to of ["on", "off"] as const) {
        await power.ensure(ctx, to);
        if ((await sim.power()) !== to) wrong += 1;
      }
    }
    const overlapping = talks.filter(({ first }, index) => first < (talks[index - 1]?.last ?? 0)).length;
    return { wrong, overlapping, sessions: talks.length, ...wire.counts() };
  } finally {
    wire.stop();
    await sim.stop();
  }
}

/** The same for several machines beside each other; where one fails, the others are given up. */
export async function cycleAll(cycles: Omit<Cycles, "seed">, machines: number): Promise<Cycled> {
  const failed = new AbortController();
  const ctx = newContext({ signal: failed.signal });
  const one = async (_: unknown, index: number) =>
    cycle(ctx, { ...cycles, seed: index + 1 }).catch((error) => {
      failed.abort(error);
      throw error;
    });
  const ended = await Promise.allSettled(Array.from({ length: machines }, one));
  failed.signal.throwIfAborted();
  const all = ended.flatMap((end) => (end.status === "fulfilled" ? [end.value] : []));
  const sum = (key: keyof Cycled) => all.reduce((total, each) => total + each[key], 0);
  return {
    ...{ wrong: sum("wrong"), overlapping: sum("overlapping"), sessions: sum("sessions") },
    ...{ sent: sum("sent"), lost: sum("lost") },
  };
}
