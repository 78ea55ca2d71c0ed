import { startUdpWire, type UdpWire, type Verdict } from "../../lab/faults/udp.ts";

/** `crowded`: every session request is answered "insufficient resources". `silent to suite 17`: those of that suite are not. */
export type IpmiFault = "none" | "crowded" | "silent to suite 17";

/** A wire between ipmitool and a controller on 127.0.0.1 that knows what a session request is. */
export interface IpmiWire {
  readonly wire: UdpWire;
  readonly port: number;
  fault: IpmiFault;
  /** Open Session requests that came by: each is one login that was tried. */
  readonly sessions: () => number;
  readonly stop: () => void;
}

const openSessionRequest = 0x10;
const openSessionResponse = 0x11;
const hmacSha256 = 0x03;
const insufficientResources = 0x01;

export async function startIpmiWire(target: number): Promise<IpmiWire> {
  let sessions = 0;
  const meddle = (packet: Buffer): Verdict => {
    // RMCP header of 4 bytes; then 06 = IPMI 2.0 format, and the type of the payload.
    const asksForSession = packet[4] === 0x06 && ((packet[5] ?? 0) & 0x3f) === openSessionRequest;
    if (!asksForSession) return "pass";
    sessions += 1;
    if (own.fault === "crowded") return { answer: refusal(packet) };
    return own.fault === "silent to suite 17" && packet[28] === hmacSha256 ? "swallow" : "pass";
  };
  const wire = await startUdpWire(target, { meddle });
  const own: IpmiWire = {
    ...{ wire, port: wire.port, fault: "none", stop: wire.stop },
    sessions: () => sessions,
  };
  return own;
}

function refusal(request: Buffer): Buffer {
  // RMCP, IPMI 2.0 without a session, and the length of what follows.
  const header = Buffer.from(`0600ff0706${openSessionResponse.toString(16)}${"00".repeat(8)}0800`, "hex");
  const tag = request[16] ?? 0;
  const console = request.subarray(20, 24);
  return Buffer.concat([header, Buffer.from([tag, insufficientResources, 0, 0]), console]);
}
