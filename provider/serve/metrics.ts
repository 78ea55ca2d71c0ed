import type { Context } from "../kernel/context.ts";
import type { Site, State } from "../site/site.ts";
import type { AuditLine, AuditRecord } from "./audit.ts";

/** What a service tells Prometheus, in its text format. Counters begin with the process. */
export interface Metrics {
  readonly record: AuditRecord;
  readonly text: (ctx: Context, site: Site) => Promise<string>;
}

type Labels = Readonly<{ [name: string]: string }>;

export function createMetrics(): Metrics {
  const requests = new Map<string, number>();
  const seconds = new Map<string, { sum: number; count: number }>();
  const controllers = new Map<string, number>();
  const more = (counts: Map<string, number>, labels: Labels) => {
    const key = shown(labels);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  };
  return {
    record({ what, outcome, fault, seconds: took }: AuditLine) {
      more(requests, { what, outcome });
      if (fault === "controller") more(controllers, { code: outcome });
      const key = shown({ what });
      const { sum, count } = seconds.get(key) ?? { sum: 0, count: 0 };
      seconds.set(key, { sum: sum + took, count: count + 1 });
    },
    async text(ctx, site) {
      const [about, nodes, instances] = await Promise.all([
        site.about(ctx),
        site.nodes.list(ctx),
        site.instances.list(ctx),
      ]);
      const durations = [...seconds].flatMap(([labels, { sum, count }]) => [
        ["_sum", labels, sum] as const,
        ["_count", labels, count] as const,
      ]);
      return [
        family("baremetal_info", "gauge", "The version that runs.", [
          ["", shown({ version: about.version }), 1],
        ]),
        family("baremetal_jobs", "gauge", "Jobs under way.", [["", "", about.jobs.length]]),
        family("baremetal_nodes", "gauge", "Nodes by provision state.", byState(nodes)),
        family("baremetal_instances", "gauge", "Instances by provision state.", byState(instances)),
        family(
          "baremetal_requests_total",
          "counter",
          "What was asked, and what became of it.",
          plain(requests),
        ),
        family("baremetal_request_seconds", "summary", "How long it took.", durations),
        family(
          "baremetal_controller_failures_total",
          "counter",
          "Failures that were a power controller's.",
          plain(controllers),
        ),
      ].join("");
    },
  };
}

type Sample = readonly [suffix: string, labels: string, value: number];

const plain = (counts: ReadonlyMap<string, number>): readonly Sample[] =>
  [...counts].map(([labels, value]) => ["", labels, value]);

function byState(states: readonly State[]): readonly Sample[] {
  const counts = new Map<string, number>();
  for (const { provisionState } of states) {
    const labels = shown({ state: String(provisionState ?? "unknown") });
    counts.set(labels, (counts.get(labels) ?? 0) + 1);
  }
  return plain(counts);
}

const family = (name: string, type: string, help: string, samples: readonly Sample[]): string =>
  [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(([suffix, labels, value]) => `${name}${suffix}${labels} ${value}`),
    "",
  ].join("\n");

function shown(labels: Labels): string {
  const escaped = (text: string) => text.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n");
  return `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(",")}}`;
}
