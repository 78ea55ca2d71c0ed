import { createHash } from "node:crypto";
import type { BmcLogin } from "./bmc.ts";

/** What a server is, apart from what runs in it. */
export interface Frame {
  readonly name: string;
  readonly mac: string;
  readonly serial: string;
  readonly uuid: string;
  readonly login: BmcLogin;
}

/** What of it may be left open. */
type FrameOptions = Pick<Frame, "name"> & Partial<Omit<Frame, "login">> & { readonly bmc?: BmcLogin };

/** The parts of a server that its options leave open are made of its name. */
export function frameOf({ name, mac, serial, uuid, bmc }: FrameOptions): Frame {
  return {
    name,
    mac: mac ?? macOf(name),
    serial: serial ?? `LAB-${name}`,
    uuid: uuid ?? uuidOf(name),
    login: bmc ?? { user: "admin", password: "secret" },
  };
}

const digits = (name: string): string => createHash("sha256").update(name).digest("hex");

/** In the range that QEMU has for its cards. */
export function macOf(name: string): string {
  return ["52", "54", "00", ...(digits(name).slice(0, 6).match(/../g) ?? [])].join(":");
}

function uuidOf(name: string): string {
  const d = digits(name);
  return [d.slice(0, 8), d.slice(8, 12), `4${d.slice(13, 16)}`, `8${d.slice(17, 20)}`, d.slice(20, 32)].join(
    "-",
  );
}
