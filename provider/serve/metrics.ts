import type { Refusing } from "../api/refused.ts";
import type { Context } from "../kernel/context.ts";
import type { Meter } from "../site/local/meter.ts";
import type { NetworkState, Site, State } from "../site/site.ts";
import type { AuditLine, AuditRecord } from "./audit.ts";
import { createCounter, createHistogram, family, type Sample, shown } from "./exposition.ts";

/** What a service tells Prometheus. Counters begin with the process. */
export interface Metrics {
  /** Hears of requests. */
  readonly record: AuditRecord;
  /** Hears of those that were not taken. */
  readonly refused: Refusing;
  /** Hears of the work. */
  readonly meter: Meter;
  readonly text: (ctx: Context, site: Counted) => Promise<string>;
}
type Counted = Pick<Site, "about" | "nodes" | "instances">;

/** Seconds: from a power action to an image of hours. */
const bounds = [1, 5, 15, 30, 60, 120, 300, 600, 1_800, 3_600];

export function createMetrics(): Metrics {
  const requests = createCounter();
  const refusals = createCounter();
  const controllers = createCounter();
  const begun = createCounter();
  const ended = createCounter();
  const written = createCounter();
  const commands = createCounter();
  const commandsTook = createHistogram([0.01, 0.1, ...bounds]);
  const took = createHistogram([0.01, 0.1, ...bounds]);
  const steps = createHistogram(bounds);
  written.add({}, 0);
  return {
    record({ what, outcome, fault, seconds }: AuditLine) {
      requests.add({ what, outcome });
      if (fault === "controller") controllers.add({ code: outcome });
      took.observe({ what }, seconds);
    },
    refused: ({ route, status, code }) => refusals.add({ route, status: String(status), code }),
    meter: {
      begun: (effect) => begun.add({ effect }),
      ended: (effect, outcome) => ended.add({ effect, outcome }),
      step(of, step, { result, seconds }) {
        // What was met took no time, and what was cut off not all of its own.
        if (result === "done" || result === "failed") steps.observe({ of, step, result }, seconds);
      },
      written: (bytes) => written.add({}, bytes),
      commanded({ driver, verb, outcome, seconds }) {
        commands.add({ driver, verb, outcome });
        commandsTook.observe({ driver, verb }, seconds);
      },
    },
    async text(ctx, site) {
      const [{ version, jobs, progress = {}, networks = [] }, nodes, instances] = await Promise.all([
        site.about(ctx),
        site.nodes.list(ctx),
        site.instances.list(ctx),
      ]);
      const count = (name: string, help: string, samples: readonly Sample[]) =>
        family(name, "counter", help, samples);
      return [
        family("baremetal_build_info", "gauge", "The version that runs.", counted([{ version }])),
        family("baremetal_nodes", "gauge", "Nodes by provision state.", byState(nodes)),
        family("baremetal_instances", "gauge", "Instances by provision state.", byState(instances)),
        family(
          "baremetal_jobs",
          "gauge",
          "Jobs under way, by what they are at.",
          counted(jobs.map((job) => ofJob(job, progress[job]?.stage ?? ""))),
        ),
        family(
          "baremetal_network_up",
          "gauge",
          "Provisioning networks: 1, or 0 where one cannot be served.",
          networks.map((one) => ["", networkLabels(one), one.state === "down" ? 0 : 1]),
        ),
        family("baremetal_network_fault", "gauge", "Why one is down.", faultsOf(networks)),
        count("baremetal_deployments_begun_total", "Deployments begun, or gone on with.", begun.samples()),
        count("baremetal_deployments_ended_total", "Deployments ended, by how.", ended.samples()),
        family("baremetal_step_seconds", "histogram", "How long the steps took that acted.", steps.samples()),
        count("baremetal_written_bytes_total", "Bytes written to disks of servers.", written.samples()),
        count("baremetal_power_commands_total", "Commands to power controllers.", commands.samples()),
        family(
          "baremetal_power_command_seconds",
          "histogram",
          "How long power controllers took, their queues left out.",
          commandsTook.samples(),
        ),
        count("baremetal_requests_total", "What was asked, and what became of it.", requests.samples()),
        count("baremetal_refused_total", "Requests that were not taken.", refusals.samples()),
        family("baremetal_request_seconds", "histogram", "How long it took.", took.samples()),
        count(
          "baremetal_controller_failures_total",
          "Requests that failed for a power controller.",
          controllers.samples(),
        ),
      ].join("");
    },
  };
}

/** The last job's stages are words of ours; those of the search for undeclared servers name cards, of which there is no end. */
const ofJob = (job: string, stage: string) => {
  const of = job.split("/")[0] ?? "";
  return { of, stage: of === "discovery" ? "" : stage };
};

const networkLabels = ({ name, interface: link = "", dhcp }: NetworkState): string =>
  shown({ network: name, interface: link, dhcp });

const faultsOf = (networks: readonly NetworkState[]): readonly Sample[] =>
  networks.flatMap(({ name, failure }) =>
    failure ? [["", shown({ network: name, code: failure.code }), 1] as const] : [],
  );

const byState = (states: readonly State[]): readonly Sample[] =>
  counted(states.map(({ provisionState }) => ({ state: String(provisionState ?? "unknown") })));

function counted(all: readonly Readonly<Record<string, string>>[]): readonly Sample[] {
  const counter = createCounter();
  for (const labels of all) counter.add(labels);
  return counter.samples();
}
