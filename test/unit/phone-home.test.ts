import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { phoneHomePath, phoneHomeUrl } from "../../provider/services/callback/phone-home-route.ts";
import { newToken } from "../../provider/services/callback/token.ts";
import { parsePhoneHome } from "../../provider/services/cloudinit/phone-home.ts";
import { publicKey } from "../fixtures/configuration.ts";

const ed25519 = publicKey.split(" ").slice(0, 2).join(" ");
const form = (fields: Readonly<Record<string, string>>) => new URLSearchParams(fields).toString();

describe("what a system posts when it phones home", () => {
  it("is its id, its name and its host keys without comments, sorted, and nothing for what it has not", () => {
    const body = form({
      ...{ pub_key_dsa: "N/A", pub_key_rsa: "N/A", pub_key_ed25519: `${ed25519} root@web-1\n` },
      ...{ instance_id: "d-1", hostname: "web-1", fqdn: "web-1.example.org" },
    });
    const call = { instanceId: "d-1", hostname: "web-1", hostKeys: [ed25519] };
    expect(parsePhoneHome(body)).toEqual({ ok: true, call });
    const bare = { instanceId: "d-1", hostname: "", hostKeys: [] };
    expect(parsePhoneHome("instance_id=d-1&hostname=%00")).toEqual({ ok: true, call: bare });
  });

  it.for([
    { what: "nothing", body: "", reason: "instance_id" },
    { what: "no id", body: "hostname=x", reason: "instance_id" },
    { what: "an id that is none", body: form({ instance_id: "a b" }), reason: "instance_id" },
    { what: "an id without end", body: form({ instance_id: "x".repeat(129) }), reason: "instance_id" },
    { what: "JSON", body: JSON.stringify({ instance_id: "d-1" }), reason: "instance_id" },
    {
      what: "half a key",
      body: form({ instance_id: "d-1", pub_key_ed25519: ed25519.slice(0, -8) }),
      reason: "pub_key_ed25519",
    },
    {
      what: "a private key",
      body: form({ instance_id: "d-1", pub_key_rsa: "-----BEGIN RSA PRIVATE KEY-----" }),
      reason: "pub_key_rsa",
    },
    {
      what: "a key of a security token, which no host has",
      body: form({ instance_id: "d-1", pub_key_ecdsa: ed25519.replace("ssh-", "sk-ssh-") }),
      reason: "pub_key_ecdsa",
    },
  ])("is refused when it is $what", ({ body, reason }) => {
    const parsed = parsePhoneHome(body);
    expect(parsed).toMatchObject({ ok: false, reason: expect.stringContaining(`'${reason}'`) });
  });

  it("never throws, and what it gives back can be a line of known_hosts and of a log", () => {
    const field = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("N/A", ed25519, `${ed25519} x`, "d-1"),
    );
    const names = fc.constantFrom(
      "instance_id",
      "hostname",
      "pub_key_rsa",
      "pub_key_ecdsa",
      "pub_key_ed25519",
    );
    const body = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(fc.tuple(names, field)).map((pairs) => new URLSearchParams(pairs).toString()),
    );
    fc.assert(
      fc.property(body, (text) => {
        const parsed = parsePhoneHome(text);
        if (!parsed.ok) {
          expect(parsed.reason).toMatch(/^parameter '\w+' is not an? [\w' ]+$/);
          return;
        }
        const { instanceId, hostname, hostKeys } = parsed.call;
        expect(instanceId).toMatch(/^[\w.:-]+$/);
        expect(hostname).toMatch(/^[\w.-]*$/);
        for (const key of hostKeys) expect(key).toMatch(/^(ssh|ecdsa)-[\w-]+ [A-Za-z0-9+/]+=*$/);
      }),
      { numRuns: 500 },
    );
  });
});

describe("the path of a phone-home", () => {
  const token = newToken();

  it("is the one that is written for a system, and no other way of writing it", () => {
    const { pathname } = new URL(phoneHomeUrl("10.99.0.1", 10_000, token));
    expect(phoneHomePath(pathname)).toBe(pathname);
    for (const other of [`${pathname}/`, `${pathname}?x=1`, pathname.toUpperCase(), pathname.slice(0, -1)]) {
      expect(phoneHomePath(other), other).not.toBe(other);
    }
    expect(phoneHomePath("/v1/phone-home/%zz")).toBe("/v1/phone-home/");
    expect(phoneHomePath("/v1/nodes/7")).toBeUndefined();
    expect(phoneHomePath(undefined)).toBeUndefined();
  });

  it("has 256 bits that nobody had before", () => {
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect(newToken()).not.toBe(token);
  });
});
