import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { Spec } from "../../../provider/site/site.ts";
import { specs } from "../../fixtures/site-parts.ts";

/** A controller that hears and never says a word: whoever asks it has to wait. */
export async function silentController() {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return {
    port: socket.address().port,
    /** From now on. */
    asked: () => once(socket, "message"),
    close: () => socket.close(),
  };
}

/** A node that enrols only when its controller has answered. */
export function behind({ port }: { readonly port: number }, password = "secret"): Spec {
  const spec = specs.node("127.0.0.1");
  return { ...spec, power: { ...spec.power, port, password } };
}
