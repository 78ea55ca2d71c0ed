import { afterAll, beforeAll } from "vitest";
import { obeysPowerContract } from "../suite.ts";
import { type Agent, startAgent, withSnmpd } from "./agent.ts";
import { byCommunity, outletsOnly, peerOf } from "./peer.ts";

withSnmpd("a PDU behind net-snmp's agent, by v2c", () => {
  let agent: Agent;
  beforeAll(async () => {
    agent = await startAgent();
  });
  afterAll(() => agent.stop());
  // A community that it does not know an agent does not answer: nobody refuses it.
  obeysPowerContract("snmp-pdu by v2c", () => peerOf(agent, byCommunity), { ...outletsOnly, refusal: true });
});
