import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { parsePhoneHome } from "../../provider/services/cloudinit/phone-home.ts";
import { createPhones } from "../../provider/site/local/phones.ts";
import type { State } from "../../provider/site/site.ts";
import { publicKey } from "../fixtures/configuration.ts";
import { type FakeSite, openFakeSite, owner, ref, specs } from "../fixtures/site-parts.ts";
import { declare, enrol, partly } from "../fixtures/site-world.ts";

const key = publicKey.split(" ").slice(0, 2).join(" ");
let site: FakeSite;
beforeEach(async () => {
  site = await openFakeSite();
  site.answerRamdisks();
  await enrol(site, "n1");
  await declare(site);
});
afterEach(() => site.close());

const install = (more: object = {}, state?: State) => {
  const spec = specs.instance({ node: "n1", waitFor: "phone-home", ...more });
  const known = state ? { state: { ...state, __owner: owner } } : {};
  return site.instances.ensure(site.ctx, ref("web-1"), spec, known);
};
const stored = async () => (await site.store.get("instances", "web-1"))?.state ?? {};
const volumes = () => site.writing.mock.calls.map(([{ volume }]) => volume?.toString("utf8") ?? "");
/** What the disk says last: whom to phone, and as whom. */
function told() {
  const text = volumes().at(-1) ?? "";
  const token = /url: "http:\/\/10\.99\.0\.1:10000\/v1\/phone-home\/([0-9a-f]{64})"/.exec(text)?.[1] ?? "";
  return { token, id: /instance-id: "(.*)"/.exec(text)?.[1] ?? "", tries: /tries: (\d+)/.exec(text)?.[1] };
}
function phone(more: Readonly<Record<string, string>> = {}, token = told().token) {
  const form = new URLSearchParams({ instance_id: told().id, pub_key_ed25519: key, ...more }).toString();
  return createPhones(site.store, site.parts.switchboard)(token, parsePhoneHome(form), "10.99.0.77");
}
const written = () => vi.waitFor(() => expect(told().token).not.toBe(""));

describe("an instance that is to phone home", () => {
  it("is told where to, beside nothing else, for as long as it is waited for; and is done when it did", async () => {
    const made = install();
    await written();
    expect(volumes().at(-1)).toContain('local-hostname: "web-1"');
    expect(told().tries).toBe("1"); // of two seconds, three seconds apart
    expect(await phone()).toEqual({ ok: true });
    expect(await made).toMatchObject({
      ...{ provisionState: "active", answered: true, hostKeys: [key], address: "10.99.0.77" },
    });
    expect(await phone()).toEqual({ ok: false, reason: "unknown" });
  });

  it("counts also when it called before anybody waited, and when its helper was another one", async () => {
    site.writing.mockImplementationOnce(async (job) => {
      const text = job.volume?.toString("utf8") ?? "";
      const token = /phone-home\/([0-9a-f]{64})/.exec(text)?.[1] ?? "";
      const id = /instance-id: "(.*)"/.exec(text)?.[1] ?? "";
      expect(await phone({ instance_id: id }, token)).toEqual({ ok: true });
    });
    expect(await install()).toMatchObject({ provisionState: "active", hostKeys: [key] });
  });

  it("is told of when it does not call, waited for by the next run under the same token, and written once", async () => {
    const { message } = await partly(install());
    expect(message).toMatch(
      /not phoned home within 2 seconds: it has not phoned home yet; .*\[DEPLOY_NO_PHONE_HOME\]/,
    );
    const { token } = told();
    const again = install({}, await stored());
    await phone();
    expect(await again).toMatchObject({ provisionState: "active", hostKeys: [key] });
    expect([volumes().length, told().token]).toEqual([1, token]);
  });

  it("has another token and another id when it is written again, and the old ones are void", async () => {
    const made = install();
    await written();
    await phone();
    await made;
    const before = told();
    const change = { hostname: "db", allowReinstall: true };
    const again = install(change, await stored());
    await vi.waitFor(() => expect(volumes()).toHaveLength(2));
    await vi.waitFor(() => expect(site.serverAt("10.0.0.1").running).toBe("system"));
    expect(told().token).not.toBe(before.token);
    expect(await phone({ instance_id: before.id }, before.token)).toEqual({ ok: false, reason: "unknown" });
    expect(await phone({ instance_id: before.id })).toMatchObject({
      ok: false,
      reason: expect.stringContaining("another system"),
    });
    expect(await phone({ pub_key_ed25519: "N/A" })).toEqual({ ok: true });
    expect(await again).toMatchObject({ provisionState: "active", hostKeys: [] });
  });

  it("is not waited for at a later start, nor when it is asked for only then", async () => {
    const made = install();
    await written();
    await phone();
    await made;
    await install({ power: "off" }, await stored());
    expect(await install({}, await stored())).toMatchObject({ powerState: "on", hostKeys: [key] });
    await install({ waitFor: "written" }, await stored());
    expect(await install({}, await stored())).toMatchObject({ provisionState: "active" });
  });

  it("is waited for at its first start, also where it was declared off until then", async () => {
    await install({ power: "off" });
    const made = install({}, await stored());
    await vi.waitFor(() => expect(site.serverAt("10.0.0.1").state).toBe("on"));
    expect(await phone()).toEqual({ ok: true });
    expect(await made).toMatchObject({ powerState: "on", hostKeys: [key], address: "10.99.0.77" });
  });

  it("that was written without being told so is refused at preview, and at the update", async () => {
    await partly(install({ waitFor: { port: 1 } }));
    const state = { ...(await stored()), __owner: owner };
    const spec = specs.instance({ node: "n1", waitFor: "phone-home" });
    const { failures } = await site.instances.plan(site.ctx, ref("web-1"), spec, { state, dryRun: true });
    const reason = expect.stringContaining("[DEPLOY_CANNOT_PHONE_HOME]");
    expect(failures).toEqual([{ property: "waitFor", reason }]);
    await expect(install({}, state)).rejects.toMatchObject({ code: "DEPLOY_CANNOT_PHONE_HOME" });
    expect(volumes()).toEqual([""]);
  });

  it("has the keys that it told compared at a refresh, on port 22", async () => {
    const made = install();
    await written();
    await phone();
    await made;
    const asked = vi.spyOn(site.parts, "hostKeys").mockResolvedValue(["ssh-ed25519 AAAAother"]);
    const seen = await site.instances.observe(site.ctx, ref("web-1"), {
      state: { ...(await stored()), __owner: owner },
    });
    expect(asked).toHaveBeenCalledWith(expect.anything(), "10.99.0.77", 22);
    expect(seen).toMatchObject({ installedDigest: "unknown" });
  });
});
