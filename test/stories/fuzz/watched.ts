import { setTimeout as pause } from "node:timers/promises";
import { check } from "../lib/story.ts";
import type { FuzzedService } from "./service.ts";

/** MiB that the service may ever have: it begins with about 150, and a body may be 8. */
const mostMemory = 600;

/**
 * Do something hostile while a client with a good token asks on. Throws when that one was ever not answered, when the
 * service ended, took too much memory, or met a failure that nobody foresaw. Answers what was seen, in words.
 */
export async function watched(service: FuzzedService, hostile: () => Promise<string>): Promise<string> {
  const before = await service.memory();
  let [peak, asked, slowest] = [before, 0, 0];
  const failures: string[] = [];
  let over = false;
  const legitimate = async () => {
    while (!over) {
      const start = Date.now();
      const { status } = await service.ask("/v1/nodes").catch((error) => ({ status: String(error) }));
      if (status !== 200) failures.push(String(status));
      asked += 1;
      slowest = Math.max(slowest, Date.now() - start);
      await pause(100);
    }
  };
  const memory = async () => {
    while (!over) {
      peak = Math.max(peak, await service.memory().catch(() => 0));
      await pause(100);
    }
  };
  const watching = Promise.all([legitimate(), memory()]);
  const logged = service.log().length;
  const outcome = await hostile().then(
    (said) => ({ said }),
    (error: unknown) => ({ said: "", error }),
  );
  over = true;
  await watching;
  check(!service.ended(), `the service ended: ${service.log().slice(-2_000)}`);
  check(failures.length === 0, `who had a good token was answered ${failures.slice(0, 5).join(", ")}`);
  check(peak < mostMemory, `the service had ${peak.toFixed(0)} MiB`);
  const log = service.log().slice(Math.min(logged, service.log().length));
  const unforeseen = log.split("\n").filter((line) => line.includes("nobody foresaw"));
  check(unforeseen.length === 0, `it met a failure that nobody foresaw: ${unforeseen[0]?.slice(0, 2_000)}`);
  if ("error" in outcome) throw outcome.error;
  const megabytes = [before, peak, await service.memory()].map((size) => size.toFixed(0)).join(", ");
  return `${outcome.said}\n${asked} good requests meanwhile, all answered, the slowest in ${slowest} ms; MiB before, at most, after: ${megabytes}`;
}
