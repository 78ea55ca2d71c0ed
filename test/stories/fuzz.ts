import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { routes } from "../../provider/api/routes.ts";
import { oddRequest } from "../fixtures/odd-requests.ts";
import { bare, dripping, endless, halfRequests, heard, type Place, placesOf, send } from "./fuzz/hostile.ts";
import { schemathesis } from "./fuzz/schemathesis.ts";
import { type FuzzedService, openService } from "./fuzz/service.ts";
import { watched } from "./fuzz/watched.ts";
import { check, close, tellCases } from "./lib/story.ts";

// A real service is asked everything but what it expects, on the API and on port 10000, while a client with a good token asks
// on: it has to stay, answer that one, keep its memory, and say what is wrong in the words of its catalogue.
// `npm run story -- fuzz [WORD…]` tells those with a word; FUZZ_SECONDS (300) is schemathesis' time.
const seconds = Number(process.env["FUZZ_SECONDS"] ?? 300);
const service = await openService();
// Port 10000 is open while DHCP is served.
const listening = service.ask("/v1/perform", JSON.stringify({ kind: "discovered", listen: "3 hours" }));
listening.catch(() => {}); // it ends with the service
try {
  const cases = [
    ["the served document, by schemathesis", () => schemathesis(service, seconds)],
    ["right requests with anything anywhere in them", () => odd(service, 1_500)],
    ["every route without a token", () => strangers(service)],
    ["bytes before TLS is spoken", () => garbage({ name: "", connect: bare, headers: "" }, 200)],
    ...placesOf(service.token).flatMap((place) => [
      [`${place.name}: bytes that mean nothing`, () => garbage(place, 200)] as const,
      [`${place.name}: heads and bodies that are half right`, () => halfRight(place)] as const,
      [`${place.name}: bodies without end`, () => withoutEnd(place, 8)] as const,
      [`${place.name}: heads and bodies by drops`, () => byDrops(place, 100)] as const,
      [`${place.name}: more connections than there may be`, () => crowd(place, 700)] as const,
    ]),
  ] as const;
  close(
    await tellCases(
      process.argv.slice(2),
      cases.map(([title, hostile]) => [title, () => watched(service, hostile)] as const),
    ),
  );
} finally {
  await service.close();
}

async function odd({ ask }: FuzzedService, runs: number): Promise<string> {
  const seen = new Map<number, number>();
  const property = fc.asyncProperty(oddRequest, async ({ path, body }) => {
    const { status, text } = await ask(path, JSON.stringify(body));
    seen.set(status, (seen.get(status) ?? 0) + 1);
    check(status < 500 && !text.includes("UNFORESEEN"), `${status}: ${text.slice(-600)}`);
  });
  const endsAt = Date.now() + seconds * 1_000;
  await fc.assert(property, {
    seed: 1,
    numRuns: runs,
    interruptAfterTimeLimit: endsAt - Date.now(),
    endOnFailure: true,
  });
  return `statuses: ${shown(seen)}`;
}

async function strangers({ ask }: FuzzedService): Promise<string> {
  const seen = new Map<number, number>();
  for (const { method, path, open } of routes) {
    const place = path.replace("{collection}", "nodes").replace("{name}", "n1");
    const { status, text } = await ask(place, method === "POST" ? "{}" : undefined, {});
    check(
      open ? status === 200 : (status === 401 || status === 429) && text.includes('"failure"'),
      `${path}: ${status}`,
    );
    seen.set(status, (seen.get(status) ?? 0) + 1);
  }
  return `statuses: ${shown(seen)}`;
}

async function garbage({ connect }: Place, count: number): Promise<string> {
  const seen = new Map<string, number>();
  for (let n = 0; n < count; n += 20) {
    const said = await Promise.all(
      Array.from({ length: 20 }, async (_, m) => send(await connect(), randomBytes(1 + (n + m) * 37))),
    );
    for (const line of said) seen.set(line, (seen.get(line) ?? 0) + 1);
  }
  for (const line of seen.keys())
    check(/^(|HTTP\/1\.1 4\d\d .*)$/.test(line) || !line.startsWith("HTTP"), line);
  return `${count} connections; said: ${shown(seen)}`;
}

async function halfRight({ connect, headers }: Place): Promise<string> {
  const seen = new Map<string, number>();
  for (const text of halfRequests) {
    const line = await send(await connect(), text.replace("Host: x\r\n", `Host: x\r\n${headers}`));
    check(
      !/ 500 /.test(line) && !line.startsWith("still open"),
      `${JSON.stringify(text.slice(0, 80))}: ${line}`,
    );
    seen.set(line, (seen.get(line) ?? 0) + 1);
  }
  return `${halfRequests.length} requests; said: ${shown(seen)}`;
}

async function withoutEnd(place: Place, count: number): Promise<string> {
  const all = await Promise.all(Array.from({ length: count }, () => endless(place)));
  const most = Math.max(...all.map(({ taken }) => taken)) / 2 ** 20;
  check(most < 64, `it took ${most.toFixed(0)} MiB of one body`);
  return `${count} at once; at most ${most.toFixed(1)} MiB were taken of one; said: ${[...new Set(all.map(({ said }) => said))].join(", ")}`;
}

async function byDrops(place: Place, count: number): Promise<string> {
  const times = await Promise.all(
    Array.from({ length: count }, (_, n) => dripping(place, n % 2 === 0 ? "head" : "body")),
  );
  const longest = Math.max(...times);
  check(longest < 150, `one was listened to for ${longest.toFixed(0)} s`);
  return `${count} at once; each was ended, the last one after ${longest.toFixed(0)} s`;
}

async function crowd({ connect }: Place, count: number): Promise<string> {
  const sockets = await Promise.all(Array.from({ length: count }, connect));
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const open = sockets.filter(({ destroyed }) => !destroyed).length;
  await Promise.all(sockets.map((socket) => heard(socket, 0)));
  check(open <= 512, `${open} are open`);
  return `of ${count} from one address ${open} were taken`;
}

function shown(seen: ReadonlyMap<string | number, number>): string {
  return [...seen].map(([what, count]) => `${count} × ${what === "" ? "nothing" : what}`).join(", ");
}
