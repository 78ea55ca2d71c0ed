import { join } from "node:path";
import { newContext } from "../../../provider/kernel/context.ts";
import { clientOf } from "../../../provider/site/client.ts";
import { socketOf } from "../../../provider/site/settings.ts";
import type { Site } from "../../../provider/site/site.ts";
import { overSocket } from "../../../provider/site/transport.ts";
import { buildTestImages, imageCache, type TestImages } from "../../../tools/images/index.ts";
import { nameOn } from "../../engine/declare.ts";
import { endLanguageHosts } from "../../engine/processes.ts";
import { openRack, type Rack, reason } from "../../engine/rack.ts";
import type { Said } from "../../engine/workspace.ts";
import { type Asking, type Cell, check, type Outcome, tell } from "../../lab/faults/cell.ts";
import { shortLimits } from "../../lab/faults/helper.ts";
import { type JournalReader, readJournal } from "../../lab/faults/points.ts";
import { descendantThat } from "../../lab/faults/processes.ts";
import { isProvider } from "../../lab/faults/victims.ts";
import { expectOneWriter, sessionsOf } from "../../lab/faults/writers.ts";
import { expectWhole } from "../../lab/installed.ts";
import type { World } from "./world.ts";

const up = ["up", "--yes", "--skip-preview", "--stack", "dev"] as const;
const [server, instance] = ["u1", nameOn("u1")];
/** What the program has on its server; an empty word is nothing. */
type System = "" | "whole" | "next";

/** A program of one server and the Pulumi CLI: each cell begins with what the last one left, where it can. */
export async function openProgram(): Promise<World> {
  if (reason) throw new Error(reason);
  const next = await buildTestImages(imageCache(), "2");
  const site = { limits: shortLimits, idle: "30 minutes" } as const;
  const rack = await openRack({ servers: [server], site, timeout: 300_000 });
  const program = new Program(rack, next);
  try {
    await program.bring("");
  } catch (error) {
    await rack.close();
    throw error;
  }
  return {
    tell: (cell, _, moment) => program.tell(cell, moment),
    async close() {
      program.close();
      await rack.close();
    },
  };
}

class Program {
  readonly #rack: Rack;
  readonly #next: TestImages;
  readonly #site: Site;
  readonly #stateDir: string;
  #journal: JournalReader | undefined;
  /** A killed CLI's lock was seen to lock. */
  #refused = false;
  /** What is installed; undefined after a cell that failed. */
  #has: System | undefined;

  constructor(rack: Rack, next: TestImages) {
    this.#rack = rack;
    this.#next = next;
    this.#stateDir = join(rack.folder, "state", "pulumi-baremetal");
    this.#site = clientOf(overSocket(socketOf(this.#stateDir)));
  }

  close(): void {
    this.#journal?.close();
  }

  /** Have this installed, undisturbed. */
  async bring(system: System): Promise<void> {
    if (this.#has === undefined) await this.#rack.pulumi("cancel", "--yes", "--stack", "dev");
    await this.#write(system);
    const { worked, text } = outcomeOf(await this.#rack.pulumi(...up));
    check(worked, `the stack cannot be brought to its beginning: ${text}`);
    this.#has = system;
  }

  async #write(system: System): Promise<void> {
    const { path, checksum } = this.#next.whole.disk;
    const instances =
      system === "" ? {} : { [instance]: { node: server, image: system, allowReinstall: true } };
    await this.#rack.write(
      this.#rack.program({ instances, images: { whole: {}, next: { source: path, checksum } } }),
    );
  }

  async tell(cell: Cell, moment: number): Promise<string> {
    const fresh = cell.story === "deploy";
    if (this.#has === undefined || (this.#has === "") !== fresh) await this.bring(fresh ? "" : "whole");
    const had = this.#has ?? "";
    const wanted: System = cell.story === "release" ? "" : had === "whole" ? "next" : "whole";
    await this.#write(wanted);
    this.#journal ??= readJournal(this.#stateDir);
    const before: Before = {
      ...{ had, wanted, journal: this.#journal, from: this.#journal.last() },
      sessions: (await sessionsOf(this.#rack.server(server))).length,
    };
    this.#has = undefined;
    const words = await tell(
      cell,
      {
        journal: this.#journal,
        ask: () => this.#ask(cell),
        mend: () => this.#mend(cell),
        checkEnd: () => this.#checkEnd(before),
      },
      moment,
    );
    this.#has = wanted;
    return words;
  }

  async #ask({ who }: Cell): Promise<Asking> {
    const begun = this.#rack.begin(...up);
    const stages: string[] = [];
    const stop = new AbortController();
    void hear(this.#site, stages, stop.signal);
    const ended = begun.ended.then((said) => {
      stop.abort();
      return outcomeOf(said);
    });
    const victim = () => (who === "cli" ? begun.pid : descendantThat(begun.pid, isProvider));
    return { stages: () => stages, victim, ended };
  }

  /** What docs/resume.md says: a CLI that was killed leaves its lock, and nothing else has to be mended. */
  async #mend({ who, fault }: Cell): Promise<void> {
    if (who !== "cli" || fault !== "kill") return;
    await endLanguageHosts(this.#rack.folder);
    const refused = this.#refused ? undefined : await this.#rack.pulumi(...up);
    check(refused?.text.includes("`pulumi cancel`") ?? true, `the stack was not locked: ${refused?.text}`);
    this.#refused = true;
    const { worked, text } = outcomeOf(await this.#rack.pulumi("cancel", "--yes", "--stack", "dev"));
    check(worked, text);
  }

  /** Pulumi keeps its note of a create that was cut off until it is told that nobody needs it. */
  async #clear(): Promise<void> {
    const { worked, text } = outcomeOf(await this.#rack.pulumi(...clear, "--expect-no-changes"));
    check(worked, `its note was not cleared: ${text}`);
    const kept = (await this.#rack.pulumi("stack", "export", "--stack", "dev")).text;
    check(kept.includes("resources") && !kept.includes("pending_operations"), "its note is still there");
  }

  async #checkEnd({ had, wanted, journal, from, sessions }: Before): Promise<string> {
    const [rack, ctx] = [this.#rack, newContext()];
    const machine = rack.server(server);
    const kept = (await rack.state("dev")).get(instance)?.outputs;
    const listed = await this.#site.instances.list(ctx);
    const [node] = await this.#site.nodes.list(ctx);
    const expected = wanted === "" ? [undefined, 0, false, "available"] : ["active", 1, true, "active"];
    const seen = [
      ...[kept?.["provisionState"], listed.length, await machine.isOn()],
      node?.["provisionState"],
    ];
    check(`${seen}` === `${expected}`, `state, instances, power and node are ${seen}, not ${expected}`);
    if (wanted === "") check((await rack.menus()).length === 0, "a boot menu is still served");
    const image = (wanted || had) === "next" ? this.#next : rack.images;
    await expectWhole(machine.diskPath(), image.whole);
    const begun = journal.since(from).filter(({ step, phase }) => step === "write" && phase === "begin");
    check(begun.length === (wanted === "" ? 0 : 1), `its disk was written ${begun.length} times`);
    const wrote = wanted === "" ? 0 : await expectOneWriter(machine, sessions);
    const commands = (await rack.commandsTo(server)).length;
    const { worked, text } = outcomeOf(await rack.pulumi(...up, "--expect-no-changes"));
    check(worked, `asked a third time: ${text}`);
    const noted = text.includes("pending operations");
    if (noted) await this.#clear();
    check((await rack.commandsTo(server)).length === commands, "asked a third time, it gave power commands");
    return `${wrote} connections wrote${noted ? ", Pulumi's note of it was cleared" : ""}`;
  }
}

const clear = ["refresh", "--yes", "--skip-preview", "--clear-pending-creates", "--stack", "dev"] as const;

interface Before {
  readonly had: System;
  readonly wanted: System;
  readonly journal: JournalReader;
  /** The journal's last line, and how many had been connected to its disk. */
  readonly from: number;
  readonly sessions: number;
}

/** Hear what the helper reports of the instance, as often as it has something to do for it. */
async function hear(site: Site, stages: string[], signal: AbortSignal): Promise<void> {
  const ctx = newContext({ signal });
  while (!signal.aborted) {
    try {
      for await (const { stage } of site.watch(ctx, "instances", instance)) stages.push(stage);
      await ctx.clock.sleep(5, signal);
    } catch {
      // The helper that listened is not there, or nobody wants to hear any more.
    }
  }
}

function outcomeOf({ exitCode, text }: Said): Outcome {
  if (exitCode === 0) return { worked: true, words: "worked", text };
  const why = exitCode === undefined ? "killed" : /error: (.*)/.exec(text)?.[1];
  return { worked: false, words: why ?? `exit code ${exitCode}`, text };
}
