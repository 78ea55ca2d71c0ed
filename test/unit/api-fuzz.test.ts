import fc from "fast-check";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApi } from "../../provider/api/server.ts";
import { lineLogger } from "../../provider/kernel/log.ts";
import { asSite } from "../fixtures/command-line.ts";
import { type OddRequest, oddRequest } from "../fixtures/odd-requests.ts";
import { type FakeSite, openFakeSite, ref, specs } from "../fixtures/site-parts.ts";
import { declare, enrol } from "../fixtures/site-world.ts";

let site: FakeSite;
let app: FastifyInstance;
const words: string[] = [];
beforeAll(async () => {
  // Nobody calls back here: what waits for that gives up at once.
  site = await openFakeSite({ limits: { callback: "50 ms", answer: "50 ms" } });
  await enrol(site, "n1");
  await declare(site);
  app = createApi({ site: asSite(site), log: lineLogger((line) => words.push(line)), busy: () => {} });
});
afterAll(async () => {
  await app.close();
  await site.close();
});

/** Found by this in longer runs: what JavaScript makes no words of, where a rule across fields reads what is not its type. */
const wordless = { toString: 1 };

// `npm run story -- fuzz` does the same for longer, against a real service.
describe("a request with anything anywhere in it", () => {
  it("is answered or refused in the words of the catalogue, never by a failure that nobody foresaw", async () => {
    const seen = new Map<number, number>();
    const property = fc.asyncProperty(oddRequest, async ({ path, body }) => {
      words.length = 0;
      const { statusCode, payload } = await app.inject({
        ...{ method: "POST", url: path, payload: JSON.stringify(body) },
        headers: { "content-type": "application/json" },
      });
      seen.set(statusCode, (seen.get(statusCode) ?? 0) + 1);
      expect(payload).not.toMatch(/UNFORESEEN|\n +at .*\.ts/);
      expect(statusCode).toBeLessThan(500);
      expect(words.join("\n")).not.toContain("nobody foresaw");
    });
    const known = { ref: ref("i"), known: {} };
    const examples: [OddRequest][] = [
      [{ path: "/v1/images/ensure", body: { ...known, spec: { ...specs.image, source: wordless } } }],
      [
        {
          path: "/v1/instances/plan",
          body: {
            ...known,
            spec: specs.instance({ networks: { bonds: [{ name: wordless }, { name: wordless }] } }),
          },
        },
      ],
    ];
    await fc.assert(property, { examples, seed: 7, numRuns: 300 });
    for (const status of [200, 400]) expect(seen.get(status)).toBeGreaterThan(20);
  }, 60_000);
});
