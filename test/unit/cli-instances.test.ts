import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { State } from "../../provider/site/site.ts";
import { asSite, commandLine } from "../fixtures/command-line.ts";
import { type FakeSite, openFakeSite, ref, specs } from "../fixtures/site-parts.ts";

let site: FakeSite;
beforeEach(async () => {
  site = await openFakeSite();
});
afterEach(async () => {
  await site.close();
});
const run = (...words: readonly string[]) => commandLine({ site: () => asSite(site) }).run(...words);
const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

async function installed(name: string, more: State = {}): Promise<void> {
  const state = {
    ...{
      provisionState: "active",
      stage: "active",
      assignedNode: "n1",
      address: "10.99.0.7",
      powerState: "on",
    },
    ...{ installedDigest: digest, timeline: [], drift: [], lastError: "", ...more },
  };
  await site.store.put("instances", { ref: ref(name), spec: specs.instance({ image: "debian-12" }), state });
}

describe("instances list", () => {
  it("tells how far each is, where, and with which image", async () => {
    await installed("web-1");
    await installed("web-2", {
      provisionState: "deploying",
      stage: "claiming",
      address: "",
      installedDigest: "",
    });
    const { out } = await run("instances", "list");
    expect(out.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
      ["NAME", "STATE", "STAGE", "NODE", "ADDRESS", "IMAGE", "INSTALLED", "POWER"],
      ["web-1", "active", "active", "n1", "10.99.0.7", "debian-12", "sha256:0123456789ab", "on"],
      ["web-2", "deploying", "claiming", "n1", "-", "debian-12", "-", "on"],
      [""],
    ]);
    expect(JSON.parse((await run("instances", "list", "--json")).out)).toMatchObject([
      { name: "web-1", installedDigest: digest },
      { name: "web-2" },
    ]);
  });

  it("says so in words when there is none", async () => {
    expect((await run("instances", "list")).out).toBe("There are no instances on this site.\n");
  });
});

describe("instances show", () => {
  it("tells the values, then the steps, the drift and the last error", async () => {
    await installed("web-1", {
      timeline: [
        { step: "fetch image", start: "2026-11-03T10:00:00.123Z", seconds: 1.25 },
        { step: "write", start: "2026-11-03T10:00:02.000Z", seconds: 151.5 },
      ],
      drift: ["its host key is another one"],
      lastError: "the system does not answer. Look at its console. [DEPLOY_NO_ANSWER]",
    });
    const { out } = await run("instances", "show", "web-1");
    expect(out).toMatch(/^address +10\.99\.0\.7$/m);
    expect(out.slice(out.indexOf("Timeline"))).toBe(
      [
        "Timeline",
        "  STEP         START                 SECONDS",
        "  fetch image  2026-11-03T10:00:00Z      1.3",
        "  write        2026-11-03T10:00:02Z    151.5",
        "",
        "Drift",
        "  its host key is another one",
        "",
        "Last error",
        "  the system does not answer. Look at its console. [DEPLOY_NO_ANSWER]",
        "",
      ].join("\n"),
    );
    expect(out.slice(0, out.indexOf("Timeline"))).not.toMatch(/timeline|drift|lastError/);
    expect(JSON.parse((await run("instances", "show", "web-1", "--json")).out)).toHaveProperty("timeline");
  });

  it("leaves out what there is nothing to tell of, and refuses a name that nobody has", async () => {
    await installed("web-1");
    expect((await run("instances", "show", "web-1")).out).not.toMatch(/Timeline|Drift|Last error/);
    expect(await run("instances", "show", "web-9")).toMatchObject({ code: "SITE_UNKNOWN_REFERENCE" });
  });
});

describe("instances abort", () => {
  it("ends the deployment that is under way, and says when there is none", async () => {
    await installed("web-1");
    expect((await run("instances", "abort", "web-1")).out).toBe("Nothing is under way for web-1.\n");
    const job = site.parts.jobs.run(site.ctx, "instances/web-1", "d", async ({ signal }) => {
      await once(signal, "abort");
      throw signal.reason;
    });
    job.catch(() => {});
    await vi.waitFor(() => expect(site.parts.jobs.running()).toHaveLength(1));
    expect((await run("instances", "abort", "web-1")).out).toContain("was aborted");
    await expect(job).rejects.toMatchObject({ code: "SITE_ABORTED" });
  });
});
