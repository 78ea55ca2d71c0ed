import { startIpmiSim } from "../../contract/power/ipmi-sim.ts";
import { startUdpWire } from "../../lab/faults/udp.ts";

/** Many controllers cheaply: one simulator, and for each server a port of its own that leads to it. */
export interface Controllers {
  readonly login: { readonly user: string; readonly password: string };
  readonly ports: readonly number[];
  /** From now on these, by their places in `ports`, answer nothing; the others do. */
  readonly silence: (dead: readonly number[]) => void;
  /** `set …` commands that any of them was given. */
  readonly commands: () => Promise<readonly string[]>;
  readonly stop: () => Promise<void>;
}

/** Start so many controllers, whose servers are on or off. */
export async function startControllers(count: number, power: "on" | "off"): Promise<Controllers> {
  const login = { user: "admin", password: "secret" };
  const users = [{ name: login.user, password: login.password, privilege: "admin" as const }];
  const controller = await startIpmiSim({ users });
  await controller.turn(power);
  const wires = await Promise.all(Array.from({ length: count }, () => startUdpWire(controller.port)));
  return {
    login,
    ports: wires.map(({ port }) => port),
    silence(dead) {
      for (const [place, wire] of wires.entries()) wire.there = dead.includes(place) ? { lose: 1 } : {};
    },
    commands: async () =>
      (await controller.calls()).map(({ words }) => words).filter((words) => words.includes("set ")),
    async stop() {
      for (const wire of wires) wire.stop();
      await controller.stop();
    },
  };
}
