import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMetrics } from "../../provider/serve/metrics.ts";
import { asSite } from "../fixtures/command-line.ts";
import { parseExposition } from "../fixtures/exposition.ts";
import { type FakeSite, openFakeSite, ref, specs } from "../fixtures/site-parts.ts";
import { declare, enrol } from "../fixtures/site-world.ts";

let site: FakeSite;
const metrics = createMetrics();
beforeEach(async () => {
  site = await openFakeSite({}, metrics.meter);
});
afterEach(() => site.close());
const told = async (from = metrics) => parseExposition(await from.text(site.ctx, asSite(site)));

describe("the metrics", () => {
  it("of a service that has done nothing are well-formed", async () => {
    const families = await told(createMetrics());
    expect(families.get("baremetal_build_info")?.samples).toEqual(new Map([['{version="1"}', 1]]));
    expect(families.get("baremetal_written_bytes_total")?.samples).toEqual(new Map([["", 0]]));
    expect(families.size).toBeGreaterThan(8);
  });

  it("count requests, how long they took, controllers' failures, and what there is by its state", async () => {
    const own = createMetrics();
    const line = { who: "ci", from: "192.0.2.7", time: "t", what: "nodes ensure", outcome: "ok" };
    own.record({ ...line, seconds: 1.5 });
    own.record({ ...line, seconds: 0.5 });
    own.record({ ...line, outcome: "POWER_DENIED", fault: "controller", seconds: 2 });
    for (const status of [403, 403, 413]) {
      own.refused({ route: "POST /v1/nodes/ensure", status, code: `C${status}`, from: "192.0.2.7" });
    }
    await site.nodes.ensure(site.ctx, ref("n1"), specs.node("10.0.0.1"));
    await site.store.patch("nodes", "n1", { provisionState: 'odd "\\\n' });
    const families = await told(own);
    const value = (name: string, key: string) => families.get(name)?.samples.get(key);
    expect(value("baremetal_requests_total", '{what="nodes ensure",outcome="ok"}')).toBe(2);
    expect(value("baremetal_requests_total", '{what="nodes ensure",outcome="POWER_DENIED"}')).toBe(1);
    expect(value("baremetal_request_seconds", '_bucket{what="nodes ensure",le="1"}')).toBe(1);
    expect(value("baremetal_request_seconds", '_sum{what="nodes ensure"}')).toBe(4);
    expect(value("baremetal_controller_failures_total", '{code="POWER_DENIED"}')).toBe(1);
    const refused = (status: number) =>
      value(
        "baremetal_refused_total",
        `{route="POST /v1/nodes/ensure",status="${status}",code="C${status}"}`,
      );
    expect([refused(403), refused(413)]).toEqual([2, 1]);
    expect(value("baremetal_nodes", '{state="odd \\"\\\\\\n"}')).toBe(1);
  });

  it("tell of deployments: what is at which stage, how they ended, what their steps took, what was written", async () => {
    site.answerRamdisks();
    await enrol(site, "n1");
    await enrol(site, "n2");
    await declare(site);
    let during = new Map<string, number>() as ReadonlyMap<string, number>;
    site.fetching.mockImplementationOnce(async () => {
      during = (await told()).get("baremetal_jobs")?.samples ?? during;
    });
    await site.instances.ensure(site.ctx, ref("web-1"), specs.instance({ node: "n1" }));
    expect(during).toEqual(new Map([['{of="instances",stage="fetching image"}', 1]]));
    site.writing.mockRejectedValueOnce(new Error("the disk is broken"));
    await site.instances.ensure(site.ctx, ref("web-2"), specs.instance({ node: "n2" })).catch(() => {});
    const families = await told();
    const value = (name: string, key: string) => families.get(name)?.samples.get(key);
    expect(value("baremetal_deployments_begun_total", '{effect="install"}')).toBe(2);
    expect(value("baremetal_deployments_ended_total", '{effect="install",outcome="active"}')).toBe(1);
    expect(value("baremetal_deployments_ended_total", '{effect="install",outcome="failed"}')).toBe(1);
    expect(value("baremetal_step_seconds", '_count{of="deployment",step="write",result="done"}')).toBe(1);
    expect(value("baremetal_step_seconds", '_count{of="deployment",step="write",result="failed"}')).toBe(1);
    expect(value("baremetal_written_bytes_total", "")).toBe(1);
    expect(value("baremetal_jobs", "")).toBeUndefined();
  });

  it.for([
    ["a line that is not ended", "# HELP a b\n# TYPE a gauge\na 1"],
    ["a sample of another name", "# HELP a b\n# TYPE a gauge\nb 1\n"],
    ["a sample twice", "# HELP a b\n# TYPE a gauge\na 1\na 2\n"],
    ["a counter without _total", "# HELP a b\n# TYPE a counter\na 1\n"],
    ["a label that is not closed", '# HELP a b\n# TYPE a gauge\na{x="1} 1\n'],
    [
      "buckets that fall",
      '# HELP a b\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum{} 1\na_count{} 1\n',
    ],
  ])("are not read by the tests' reader with %s", ([, text = ""]) => {
    expect(() => parseExposition(text)).toThrow();
  });
});
