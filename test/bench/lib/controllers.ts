import { startMachine } from "../../contract/power/redfish/machine.ts";
import { createChassis } from "../../fixtures/bmc/chassis.ts";
import { startBmc } from "../../fixtures/bmc/listen.ts";

/**
 * Many controllers in one process, each on a port of its own of 127.0.0.1, so that those who ask them have another processor.
 * It is forked with what it is to be, tells its ports, and ends with whoever forked it.
 */
export interface Order {
  readonly ipmi: number;
  readonly redfish: number;
  readonly user: string;
  readonly password: string;
  readonly tls: { readonly cert: string; readonly key: string };
  /** Of a hundred: those that never answer, and those that take their time for each answer. */
  readonly dead: number;
  readonly slow: number;
  readonly slowMs: number;
}

/** What it says when all of them listen. */
export interface Ready {
  readonly ipmi: readonly number[];
  readonly redfish: readonly number[];
}

/** What it says when it was asked how many machines are on. */
export interface Told {
  readonly on: number;
}

/** Which one of a hundred is what: spread, and the same in each run. */
export function kindOf(
  index: number,
  { dead, slow }: Pick<Order, "dead" | "slow">,
): "dead" | "slow" | "good" {
  const place = (index * 37) % 100;
  if (place < dead) return "dead";
  return place < dead + slow ? "slow" : "good";
}

async function ipmiController(order: Order, index: number) {
  const chassis = createChassis();
  const { user, password, slowMs } = order;
  const kind = kindOf(index, order);
  const { port } = await startBmc({ user, password, machine: chassis.machine }, (send) => {
    if (kind === "slow") setTimeout(send, slowMs);
    if (kind === "good") send();
  });
  return { port, on: () => chassis.power === "on" };
}

async function redfishController(order: Order, index: number) {
  const machine = await startMachine(order.tls);
  if (kindOf(index, order) === "dead") machine.fault("hangs");
  return { port: machine.port, on: () => machine.power() === "On" };
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

process.once("message", async (order: Order) => {
  const ipmi = await Promise.all(numbers(order.ipmi).map((index) => ipmiController(order, index)));
  const redfish = await Promise.all(numbers(order.redfish).map((index) => redfishController(order, index)));
  const ready: Ready = { ipmi: ipmi.map(({ port }) => port), redfish: redfish.map(({ port }) => port) };
  process.send?.(ready);
  process.on("message", () => {
    const told: Told = { on: [...ipmi, ...redfish].filter((one) => one.on()).length };
    process.send?.(told);
  });
});
process.once("disconnect", () => process.exit(0));
