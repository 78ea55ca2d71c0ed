import { afterAll, beforeAll, expect, it } from "vitest";
import type { State } from "../../provider/site/site.ts";
import { publicKey } from "../fixtures/configuration.ts";
import { homeOf, readCidata } from "./cidata.ts";
import type { Lab, PaperServer } from "./lab/index.ts";
import { closeRack, openRack, type Rack } from "./rack.ts";
import { enrol, install, nameOn, type TestSite } from "./site.ts";

const ed25519 = publicKey.split(" ").slice(0, 2).join(" ");
let rack: Rack;
let lab: Lab;
let site: TestSite;

beforeAll(async () => {
  rack = await openRack();
  ({ lab, site } = rack);
});
afterAll(() => closeRack(rack, site));

/** As cloud-init does it at the end of the first boot. */
async function phone(url: string, instance: string): Promise<{ status: number; line: string }> {
  const form = { instance_id: instance, hostname: "web-1", pub_key_rsa: "N/A", pub_key_ed25519: ed25519 };
  const answer = await fetch(url, { method: "POST", body: new URLSearchParams(form) });
  return { status: answer.status, line: await answer.text() };
}

/** Begin an installation and go on when its system is waited for. */
async function waiting(server: PaperServer, args: Readonly<Record<string, unknown>> = {}) {
  let reached = () => {};
  const there = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const onProgress = ({ stage }: { stage: string }) => stage === "waiting for the system" && reached();
  const outcome = install(site, server, { waitFor: "phone-home", ...args }, { onProgress });
  outcome.catch(() => {});
  await Promise.race([there, outcome]);
  return { outcome };
}
const stateOf = (server: PaperServer) => site.remembered("instances", nameOn(server)) as State;

it("a system that phones home is done, and tells its host keys", async () => {
  const server = await lab.paper({ name: "phones" });
  await enrol(site, server);
  const userData = "#cloud-config\npackages: [nginx]\n";
  const { outcome } = await waiting(server, { userData });
  expect(await readCidata(server, "user-data")).toBe(userData.trimEnd());
  const { url, instance } = await homeOf(server);
  expect(url).toMatch(/^http:\/\/10\.99\.0\.1:10000\/v1\/phone-home\/[0-9a-f]{64}$/);
  // Port 22 has been open for a while: that is not what is waited for.
  expect(await phone(url, "somebody")).toMatchObject({
    status: 400,
    line: expect.stringMatching(/^this is another/),
  });
  expect(await phone(url.replace(/.$/, "x"), instance)).toMatchObject({ status: 404 });
  expect(await phone(url, instance)).toEqual({ status: 200, line: "" });
  const hostKeys = [ed25519];
  expect(await outcome).toMatchObject({
    provisionState: "active",
    answered: true,
    hostKeys,
    address: lab.address,
  });
  expect(await phone(url, instance)).toMatchObject({ status: 404 });

  // It does so once in its life: a later start is not waited for.
  expect(await install(site, server, { waitFor: "phone-home", userData, power: "off" })).toMatchObject({
    powerState: "off",
  });
  expect(await install(site, server, { waitFor: "phone-home", userData })).toMatchObject({
    powerState: "on",
    hostKeys,
  });
  expect(site.log.join("\n")).not.toContain(url.slice(-64));
  await site.remove("instances", nameOn(server));
  await server.stop();
});

it("a helper that was restarted while it was waited for hears it too", async () => {
  const server = await lab.paper({ name: "restarted" });
  await enrol(site, server);
  const { outcome } = await waiting(server);
  const { url, instance } = await homeOf(server);
  site = await site.reopen();
  await expect(outcome).rejects.toThrow();
  const again = await waiting(server);
  expect(await phone(url, instance)).toMatchObject({ status: 200 });
  expect(await again.outcome).toMatchObject({ provisionState: "active", hostKeys: [ed25519] });
  await site.remove("instances", nameOn(server));
  await server.stop();
});

it("one that never phones is told of with what was seen of it, and stays on; another way to wait brings it in", async () => {
  const server = await lab.paper({ name: "silent" });
  await enrol(site, server);
  const { outcome } = await waiting(server, { timeouts: { answer: "3 seconds" } });
  const { url } = await homeOf(server);
  await phone(url, "somebody");
  await expect(outcome).rejects.toThrow(
    /has not phoned home within 3 seconds: it has not phoned home yet; DHCP gave it [\d.]+ at [\d:]+ UTC; .*it phoned home and was refused \(this is another system.*\) at [\d:]+ UTC; [\d.]+ answers ping\..*\[DEPLOY_NO_PHONE_HOME\]/s,
  );
  expect(await server.isOn()).toBe(true);
  expect(stateOf(server)).toMatchObject({ provisionState: "wait call-back", hostKeys: [] });
  expect(await install(site, server, { waitFor: "ssh" })).toMatchObject({
    provisionState: "active",
    lastError: "",
  });
  await site.remove("instances", nameOn(server));
  await server.stop();
});

it("a system is waited for until it answers ping", async () => {
  const server = await lab.paper({ name: "pings" });
  await enrol(site, server);
  expect(await install(site, server, { waitFor: "ping" })).toMatchObject({
    provisionState: "active",
    answered: true,
  });
  await site.remove("instances", nameOn(server));
  await server.stop();
});
