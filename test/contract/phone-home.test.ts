import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { lineLogger } from "../../provider/kernel/log.ts";
import { phoneHomeUrl } from "../../provider/services/callback/phone-home-route.ts";
import { type Callback, startCallback } from "../../provider/services/callback/server.ts";
import { digestOfToken, newToken } from "../../provider/services/callback/token.ts";
import { nocloudFiles } from "../../provider/services/cloudinit/documents.ts";
import { createSwitchboard } from "../../provider/site/local/calls.ts";
import { createPhones } from "../../provider/site/local/phones.ts";
import { openStore, type Store } from "../../provider/site/local/store/index.ts";
import { type CloudInit, unpackCloudInit } from "../fixtures/cloud-init.ts";
import { publicKey } from "../fixtures/configuration.ts";

const [id, instance] = ["d-1", "web-1"];
const ed25519 = publicKey.split(" ").slice(0, 2).join(" ");

let folder: string;
let store: Store;
let callback: Callback;
let token: string;
const lines: string[] = [];

/** A helper of this store, as it is begun anew after its end. */
async function begin(): Promise<void> {
  store = await openStore(folder);
  const ctx = newContext({ log: lineLogger((line) => lines.push(line)) });
  const accept = async () => ({ ok: true }) as const;
  const phoned = createPhones(store, createSwitchboard());
  callback = await startCallback(ctx, { host: "127.0.0.1", port: 0, accept, phoned });
}
async function end(): Promise<void> {
  await callback.close();
  await store.close();
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "phone-home-"));
  await begin();
  token = newToken();
  await store.keepDeployment({ instance, node: "n1", record: { id, key: "k", phoneToken: token } });
  await store.expectPhone(id, digestOfToken(token));
});
afterEach(async () => {
  await end();
  await rm(folder, { recursive: true, force: true });
  expect(lines.join("\n")).not.toContain(token);
});

const good = { instance_id: id, hostname: "web-1", pub_key_ed25519: `${ed25519} root@web-1` };
async function post(fields: Readonly<Record<string, string>> | string = good, of = token, method = "POST") {
  const body = typeof fields === "string" ? fields : new URLSearchParams(fields).toString();
  const how = { method, ...(method === "POST" ? { body } : {}) };
  const answer = await fetch(phoneHomeUrl("127.0.0.1", callback.port, of), how);
  return { status: answer.status, text: await answer.text() };
}
const unknown = { status: 404, text: "Not Found" };

describe("a system that phones home", () => {
  it("is heard once: keys, name and address are kept, and its token is void", async () => {
    expect(await post()).toEqual({ status: 200, text: "" });
    const heard = { instanceId: id, hostname: "web-1", hostKeys: [ed25519], peer: "127.0.0.1" };
    expect(await store.heardFrom(id)).toEqual(heard);
    expect(await post({ ...good, hostname: "other" })).toEqual(unknown);
    expect(await store.heardFrom(id)).toEqual(heard);
  });

  it("is heard by one of two calls at once", async () => {
    const answers = await Promise.all([post(), post(), post()]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404, 404]);
  });

  it("is heard by the helper that comes after the one that wrote it", async () => {
    await end();
    await begin();
    expect(await post()).toMatchObject({ status: 200 });
    await end();
    await begin();
    expect(await store.heardFrom(id)).toMatchObject({ hostKeys: [ed25519] });
    expect(await post()).toEqual(unknown);
  });

  it.for([
    { what: "an empty body", body: "", reason: "instance_id" },
    { what: "a body that is no form", body: "\0\0\0{", reason: "instance_id" },
    {
      what: "a key that was cut off",
      body: `instance_id=${id}&pub_key_rsa=ssh-rsa+AAAA`,
      reason: "pub_key_rsa",
    },
    {
      what: "too large a body",
      body: `instance_id=${id}&hostname=${"x".repeat(20_000)}`,
      reason: "too large",
    },
    { what: "another instance's id", body: "instance_id=d-2", reason: "another system" },
  ])("is refused with $what, in one line, and may call again", async ({ body, reason }) => {
    const answer = await post(body);
    expect(answer).toMatchObject({ status: 400, text: expect.stringContaining(reason) });
    expect(answer.text).not.toContain("\n");
    expect(await store.heardFrom(id)).toBeUndefined();
    expect(await post()).toMatchObject({ status: 200 });
  });

  it.for([
    { what: "a token that never was", of: newToken() },
    { what: "a token that is none", of: "..%2f..%2fetc%2fpasswd" },
    { what: "no token", of: "" },
    { what: "a path that no URL has", of: "%zz" },
  ])("is unknown with $what", async ({ of }) => {
    expect(await post(good, of)).toEqual(unknown);
  });

  it.for(["GET", "HEAD", "PUT", "DELETE"])("is not looked at by %s", async (method) => {
    expect(await post(good, token, method)).toMatchObject({ status: 404 });
    expect(await post()).toMatchObject({ status: 200 });
  });

  it("is unknown when its deployment is over: another one took its place, or it was deleted", async () => {
    await store.keepDeployment({ instance, node: "n1", record: { id: "d-2", key: "k" } });
    expect(await post()).toEqual(unknown);
    await store.keepDeployment({ instance, node: "n1", record: { id, key: "k" } });
    await store.dropDeployment(instance);
    expect(await post()).toEqual(unknown);
  });

  it("leaves nothing of its token in the store's clear text", async () => {
    await post();
    for (const name of await readdir(folder))
      expect((await readFile(join(folder, name), "latin1")).includes(token), name).toBe(false);
  });
});

describe("cloud-init's own phone_home", () => {
  let cloudInit: CloudInit;
  beforeAll(async () => {
    cloudInit = await unpackCloudInit();
  }, 120_000);
  afterAll(() => cloudInit?.stop());

  // As its ConfigMerger does it (helpers.py): the user's cloud-config before the vendor's. Only the host's own keys are not asked for.
  const program = `
import logging, sys
from cloudinit import util
from cloudinit.config import cc_phone_home
user, vendor, instance, key = sys.argv[1:]
config = util.mergemanydict([util.read_conf(user), util.read_conf(vendor)])
assert config["packages"] == ["nginx"], config
def load_file(path, *_, **__):
    if "ed25519" in path: return key + " root@web-1\\n"
    raise OSError(path)
util.load_file = load_file
class Name: hostname = "web-1"
class Cloud:
    paths = None
    get_instance_id = lambda self: instance
    get_hostname = lambda self, **_: Name
logging.basicConfig(level=logging.WARNING)
cc_phone_home.handle("phone-home", config, Cloud(), logging.getLogger(), [])
`;

  it("posts what is understood, told by vendor-data beside the program's own user data", async () => {
    const phoneHome = { url: phoneHomeUrl("127.0.0.1", callback.port, token), tries: 1 };
    const files = nocloudFiles({ instanceId: id, userData: "#cloud-config\npackages: [nginx]\n", phoneHome });
    const paths = files.map(({ name }) => join(cloudInit.folder, name));
    for (const [n, { content }] of files.entries()) await writeFile(paths[n] ?? "", content);
    const [, user = "", vendor = ""] = paths;
    await cloudInit.python(program, user, vendor, id, ed25519);
    expect(await store.heardFrom(id)).toMatchObject({ hostname: "web-1", hostKeys: [ed25519] });
  });
});
