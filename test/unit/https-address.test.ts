import { describe, expect, it } from "vitest";
import { httpsAddress, isHttpsAddress } from "../../provider/site/https/address.ts";
import { refuseRemote } from "../../provider/site/remote.ts";

const print = Array.from({ length: 32 }, () => "AB").join(":");

describe("the address of a service", () => {
  it.for([
    {
      site: "https://boothost:10443",
      is: { host: "boothost", port: 10_443, shown: "https://boothost:10443" },
    },
    { site: " https://boothost ", is: { host: "boothost", port: 443, shown: "https://boothost" } },
    { site: "https://[fd00::7]:1/", is: { host: "fd00::7", port: 1, shown: "https://[fd00::7]:1" } },
    {
      site: JSON.stringify({ url: "https://b:1", token: "pbm_x", fingerprint: print }),
      is: { host: "b", port: 1, shown: "https://b:1", token: "pbm_x", fingerprint: print },
    },
    {
      site: JSON.stringify({
        url: "https://b:1",
        fingerprint: `sha256:${print.replaceAll(":", "").toLowerCase()}`,
      }),
      is: { host: "b", port: 1, shown: "https://b:1", fingerprint: print },
    },
  ])("$site is understood", ({ site, is }) => {
    expect(isHttpsAddress(site)).toBe(true);
    expect(httpsAddress(site, undefined)).toEqual(is);
  });

  it.for(["{}", "", '{"interface":"eth1"}', "ssh://boothost", "[1]", "null", "http://boothost"])(
    "%s is none",
    (site) => {
      expect(isHttpsAddress(site)).toBe(false);
      expect(() => refuseRemote(site.startsWith("ssh") ? undefined : site)).not.toThrow();
    },
  );

  it("takes the token of the environment, and its own before that", () => {
    expect(httpsAddress("https://b", "pbm_env").token).toBe("pbm_env");
    expect(httpsAddress('{"url":"https://b","token":"pbm_own"}', "pbm_env").token).toBe("pbm_own");
    expect(httpsAddress("https://b", "")).not.toHaveProperty("token");
  });

  it.for([
    { when: "it is of another kind", site: '{"url":"http://b"}', says: ["url: "] },
    { when: "it holds a password", site: "https://me:PLANTED@b", says: ["url: ", "no user"] },
    { when: "it has a path", site: "https://b/v1", says: ["nothing behind"] },
    { when: "it is a number", site: '{"url":7}', says: ["url: "] },
    {
      when: "all of it is wrong",
      site: '{"url":"https://","token":"PLANTED PLANTED","fingerprint":"AB","interface":"eth1"}',
      says: ["url: ", "token: ", "fingerprint: ", "interface"],
    },
  ])("is refused, all faults at once and no secret among them, when $when", ({ site, says }) => {
    const reading = () => httpsAddress(site, undefined);
    expect(reading).toThrow(expect.objectContaining({ code: "SERVICE_BAD_ADDRESS" }));
    for (const words of says) expect(reading).toThrow(words);
    expect(reading).not.toThrow("PLANTED");
  });

  it("is refused by commands that work on this host's files", () => {
    expect(() => refuseRemote("https://b:1")).toThrow(expect.objectContaining({ code: "SERVICE_NOT_HERE" }));
  });
});
