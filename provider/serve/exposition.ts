/** Prometheus' text format (prometheus.io/docs/instrumenting/exposition_formats). */

export type Labels = Readonly<Record<string, string>>;
export type Sample = readonly [suffix: string, labels: string, value: number];

export const family = (
  name: string,
  type: "counter" | "gauge" | "summary" | "histogram",
  help: string,
  samples: readonly Sample[],
): string =>
  [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(([suffix, labels, value]) => `${name}${suffix}${labels} ${value}`),
    "",
  ].join("\n");

export function shown(labels: Labels): string {
  const escaped = (text: string) => text.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n");
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** How often something was, by its labels. */
export function createCounter() {
  const counts = new Map<string, number>();
  return {
    add(labels: Labels, by = 1): void {
      const key = shown(labels);
      counts.set(key, (counts.get(key) ?? 0) + by);
    },
    samples: (): readonly Sample[] => [...counts].map(([labels, value]) => ["", labels, value]),
  };
}

/** How long something took, by its labels: how many were not longer than each of the bounds. */
export function createHistogram(bounds: readonly number[]) {
  const all = new Map<string, { labels: Labels; within: number[]; sum: number; count: number }>();
  return {
    observe(labels: Labels, value: number): void {
      const key = shown(labels);
      const one = all.get(key) ?? { labels, within: bounds.map(() => 0), sum: 0, count: 0 };
      all.set(key, one);
      one.sum += value;
      one.count += 1;
      for (const [index, bound] of bounds.entries()) {
        if (value <= bound) one.within[index] = (one.within[index] ?? 0) + 1;
      }
    },
    samples: (): readonly Sample[] =>
      [...all.values()].flatMap(({ labels, within, sum, count }): readonly Sample[] => [
        ...bounds.map(
          (bound, index): Sample => ["_bucket", shown({ ...labels, le: String(bound) }), within[index] ?? 0],
        ),
        ["_bucket", shown({ ...labels, le: "+Inf" }), count],
        ["_sum", shown(labels), sum],
        ["_count", shown(labels), count],
      ]),
  };
}
