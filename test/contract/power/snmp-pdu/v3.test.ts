import { afterAll, beforeAll } from "vitest";
import { obeysPowerContract } from "../suite.ts";
import { type Agent, startAgent, withSnmpd } from "./agent.ts";
import { byUser, outletsOnly, peerOf } from "./peer.ts";

withSnmpd("a PDU behind net-snmp's agent, by v3", () => {
  let agent: Agent;
  beforeAll(async () => {
    agent = await startAgent();
  });
  afterAll(() => agent.stop());
  obeysPowerContract("snmp-pdu by v3, SHA-256 and AES", () => peerOf(agent, byUser), outletsOnly);
});
