import { powerErrors } from "../errors.ts";
import { HungUp, type Line } from "./line.ts";
import type { Iboot, IbootPlace } from "./settings.ts";

/*
 * The Dataprobe Exchange Protocol, as its licensee SurgeX documents it ("DxP Protocol" in the user manual of the SA-82-AR) and
 * python-iboot, which Nova and Ironic used, speaks it to an iBoot-G2: little-endian, nothing between the fields.
 */
const hello = "hello-000";
const nameLength = 21;
const io = 3;
const changeRelay = 1;
const getRelays = 4;
/** Bytes of an answer follow each other; a device that has fewer relays sends no more. */
const quiet = 2_000;

/** The number that goes with the first command after the device's own; each command and each answer counts as one. */
export const sequenceAfter = (told: number): number => (told + 1) % 2 ** 16;

/** A command: the class, who gives it, what it is, its number, and what belongs to it. */
export function packet(
  { user = "", password }: Pick<Iboot, "user" | "password">,
  descriptor: number,
  sequence: number,
  payload: readonly number[] = [],
): Buffer {
  const header = Buffer.alloc(47);
  header.writeUInt8(io, 0);
  header.write(user, 1, nameLength - 1, "utf8");
  header.write(password, 1 + nameLength, nameLength - 1, "utf8");
  header.writeUInt8(descriptor, 43);
  header.writeUInt16LE(sequence, 45);
  return Buffer.concat([header, Buffer.from(payload)]);
}

/** What the relay of this place is. */
export async function readRelay(line: Line, settings: Iboot, place: IbootPlace): Promise<"on" | "off"> {
  line.send(packet(settings, getRelays, await greet(line, place)));
  const relays = await line.readOut(place.relay, quiet);
  if (relays.length === 0) throw new HungUp("no byte of the relays");
  const told = relays[place.relay - 1];
  if (told === 1) return "on";
  if (told === 0) return "off";
  const reply = told === undefined ? `${relays.length} relays` : `${told}`;
  throw odd(place, reply, `the state of relay ${place.relay}`);
}

/** Switch it. */
export async function writeRelay(
  line: Line,
  settings: Iboot,
  place: IbootPlace,
  to: "on" | "off",
): Promise<void> {
  const payload = [place.relay, to === "on" ? 1 : 0];
  line.send(packet(settings, changeRelay, await greet(line, place), payload));
  const [verdict] = await line.read(1);
  // The document knows 0 and 1, "Error", without a reason.
  if (verdict !== 0) throw odd(place, `${verdict}`, `to switch relay ${place.relay} ${to}`);
}

async function greet(line: Line, { name }: IbootPlace): Promise<number> {
  line.send(hello);
  try {
    return sequenceAfter((await line.read(2)).readUInt16LE(0));
  } catch (error) {
    if (!(error instanceof HungUp)) throw error;
    // Nobody was told a login yet.
    const reason = "it hangs up before it greets";
    throw powerErrors.make("POWER_BUSY", { address: name, reason }, { cause: error });
  }
}

const odd = ({ name: address }: IbootPlace, reply: string, what: string) =>
  powerErrors.make("POWER_ODD_REPLY", { address, reply, what });
