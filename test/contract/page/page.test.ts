import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { locate, searchPath } from "../../../provider/cli/programs.ts";
import { networkErrors } from "../../../provider/site/local/network/errors.ts";
import { testPrograms } from "../../../tools/setup/lab-programs.ts";
import { fill, openWorld, planted, token, type World } from "./world.ts";

const need = testPrograms.find(({ name }) => name === "chromium");
const program = need && (await locate(need, searchPath(process.env["PATH"])));

let browser: Browser;
let world: World;
let open: Page[];
beforeAll(async () => {
  // It looks at our own page alone; where the tests run as root it has no other way.
  if (program) browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox"] });
});
afterAll(() => browser?.close());
beforeEach(async () => {
  open = [];
  if (!program) return;
  world = await openWorld();
  fill(world);
});
afterEach(async () => {
  for (const page of open) await page.context().close();
  await world?.close();
});

/** The page in a browser of its own; what it complains of, and whom it asks. */
async function look(hash = "#/", more: BrowserContextOptions = {}, address = world.link) {
  const page = await (
    await browser.newContext({ viewport: { width: 1200, height: 900 }, ...more })
  ).newPage();
  open.push(page);
  page.setDefaultTimeout(30_000);
  const trouble: string[] = [];
  const asked = new Set<string>();
  page.on("console", (message) => message.type() === "error" && trouble.push(message.text()));
  page.on("pageerror", (error) => trouble.push(error.message));
  page.on("request", (request) => asked.add(new URL(request.url()).origin));
  await page.goto(address);
  if (address === world.link) await page.locator("tbody tr").first().waitFor();
  await page.evaluate((to) => {
    if (to !== "#/") location.hash = to;
  }, hash);
  if (hash !== "#/") await page.locator(".details h1").waitFor();
  return { page, trouble, asked };
}
declare const location: { hash: string };
declare const document: { title: string; documentElement: { scrollWidth: number; clientWidth: number } };

/** What axe finds wrong: rule and place. */
async function faults(page: Page): Promise<readonly string[]> {
  // As a debugger does it, which the page's own policy does not keep away.
  await page.evaluate(axe.source);
  const found = (await page.evaluate("axe.run()")) as {
    readonly violations: readonly {
      readonly id: string;
      readonly nodes: readonly { readonly html: string }[];
    }[];
  };
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

describe.skipIf(!program)(
  `the page for people${program ? "" : " (left out: chromium is not installed)"}`,
  () => {
    it("shows instances and nodes with state, progress and errors, asks nobody else, and complains of nothing", async () => {
      const { page, trouble, asked } = await look();
      const row = (name: string) => page.locator(`tr[data-name="${name}"]`).first().innerText();
      expect(await row("web-1")).toMatch(/web-1\s+acme\/shop\/prod\s+active\s+r1-n01\s+10\.20\.0\.11/);
      expect(await row("web-2")).toContain("writing 42 % · 118 MB/s · 31 s left");
      expect(await row("web-3")).toContain("deploy failed");
      expect(await row("r1-n06")).toContain("in maintenance: memory is exchanged");
      expect(await page.locator(".counts").innerText()).toBe(
        "2 active · 1 under way · 1 failed · 1 of 6 nodes free",
      );
      expect(await page.title()).toBe("Bare metal");
      // The token is in no address, and in no place that outlives the tab.
      expect(page.url()).toBe(`${world.address}#/`);
      expect(await page.evaluate("[sessionStorage.token, localStorage.length, document.cookie]")).toEqual([
        token,
        0,
        "",
      ]);
      await page.getByLabel("Find").fill("10.20.0.13");
      expect(await page.locator("tbody tr:visible").count()).toBe(1);
      expect([...asked]).toEqual([new URL(world.address).origin]);
      expect(trouble).toEqual([]);
    });

    it("tells which provisioning network is not served, since when and why, and nothing while all are", async () => {
      const served = { name: "rack-1", interface: "eth1", dhcp: "managed", state: "served" } as const;
      const { record: failure } = networkErrors.make("NETWORK_LINK_DOWN", { interface: "eth2" });
      const since = new Date(2026, 10, 27, 10, 2).toISOString();
      world.serve([
        { ...served, since },
        { name: "rack-2", interface: "eth2", dhcp: "proxy", state: "down", since, failure },
      ]);
      const { page } = await look();
      const told = page.locator("section.wrong");
      expect(await told.innerText()).toMatch(
        /1 of 2 networks not served\s+rack-2 \(eth2\), since .*10:02.*: this host's interface eth2 is down\s*NETWORK_LINK_DOWN\s+`ip link set eth2 up`/i,
      );
      expect(await faults(page)).toEqual([]);
      world.serve([{ ...served, since }]);
      await told.waitFor({ state: "hidden" });
    });

    it("shows what went wrong and what to do, how long each step took, and what was heard, which it follows", async () => {
      const { page } = await look("#/instances/web-3");
      const fault = page.getByRole("region", { name: "Last error" });
      expect(await fault.innerText()).toMatch(
        /DEPLOY_NO_CALL\s+the ramdisk .* by TFTP\.\s+Look at the server's console/i,
      );
      expect(await page.getByRole("region", { name: "Timeline" }).locator("tbody tr").count()).toBe(4);
      await page.evaluate(() => {
        location.hash = "#/instances/web-2";
      });
      const log = page.getByRole("log");
      await log.getByText("BAREMETAL disk sda @9.02").waitFor();
      world.say("instances/web-2", "console", "later words");
      await log.getByText("later words").waitFor();
      expect(await log.locator(".line").count()).toBe(12);
    });

    it("goes on while it is looked at: focus stays, and only what became of a deployment is said aloud", async () => {
      const { page } = await look();
      await page.getByRole("link", { name: "web-2" }).focus();
      const said = page.getByRole("status");
      world.tell({ "instances/web-2": { stage: "waiting for the system" } });
      await page.getByText("waiting for the system").waitFor();
      expect(await said.innerText()).toBe("");
      world.set("instances", "web-2", { provisionState: "active", stage: "active" });
      world.set("instances", "web-0", { provisionState: "deploying" });
      world.tell({});
      await page.getByText("web-2 is active").waitFor({ state: "attached" });
      expect(await said.textContent()).toBe("web-2 is active");
      expect(await page.evaluate("document.activeElement.textContent")).toBe("web-2");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "web-2", level: 1 }).waitFor();
      expect(await page.evaluate("document.activeElement.id")).toBe("main");
    });

    it("shows what somebody wrote as text, whatever it is", async () => {
      world.set("instances", planted, {
        provisionState: planted,
        stage: planted,
        lastError: `${planted} [${planted}]`,
        address: planted,
      });
      world.set("nodes", "n9", {
        provisionState: "deploy failed",
        lastError: planted,
        maintenanceReason: planted,
      });
      world.tell({ [`instances/${planted}`]: { stage: planted, note: planted } });
      world.say(`instances/${planted}`, "console", planted);
      const { page } = await look(`#/instances/${encodeURIComponent(planted)}`);
      await page.getByRole("log").getByText("onerror").waitFor();
      expect(await page.locator("main img, main script").count()).toBe(0);
      expect(await page.title()).toBe(`${planted} – Bare metal`);
      await page.evaluate(() => {
        location.hash = "#/";
      });
      await page.locator("tbody tr").first().waitFor();
      expect(await page.locator("main img, main script").count()).toBe(0);
      // Not even what gets past all that: scripts come from the helper's own files.
      const blocked = page.evaluate(`document.body.innerHTML = ${JSON.stringify(planted)}`);
      await expect(blocked).rejects.toThrow(/TrustedHTML/);
      expect(await page.evaluate(() => document.title)).toBe("Bare metal");
    });

    it("asks for a token, says why one is not taken, keeps it for the tab, and forgets it", async () => {
      const { page } = await look("#/", {}, world.address);
      await page.getByLabel("Token").fill("wrong");
      await page.keyboard.press("Enter");
      await page.getByText("this page belongs to whoever started it").waitFor();
      await page.getByLabel("Token").fill(token);
      await page.keyboard.press("Enter");
      await page.getByRole("link", { name: "web-1" }).waitFor();
      await page.reload();
      await page.getByRole("link", { name: "web-1" }).waitFor();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByLabel("Token").waitFor();
      expect(await page.evaluate("sessionStorage.length")).toBe(0);
      expect(await page.locator("#view").innerText()).toBe("");
    });

    it("says that the helper is away, keeps what it has shown, and comes back", async () => {
      const { page } = await look();
      const back = await world.goAway();
      await page.getByText("Connection lost, trying again").waitFor();
      expect(await page.getByRole("link", { name: "web-1" }).isVisible()).toBe(true);
      world.set("instances", "web-9", { provisionState: "active" });
      await back();
      await page.getByText("Live").waitFor();
    });

    it.for([
      { place: "#/", scheme: "light" },
      { place: "#/instances/web-2", scheme: "light" },
      { place: "#/instances/web-3", scheme: "dark" },
      { place: "sign in", scheme: "dark" },
    ] as const)("has nothing that axe complains of at $place, $scheme", async ({ place, scheme }) => {
      const address = place === "sign in" ? world.address : world.link;
      const more = { colorScheme: scheme };
      const { page } = await look(place === "sign in" ? "#/" : place, more, address);
      expect(await faults(page)).toEqual([]);
    });

    it("fits a phone everywhere, and moves nothing where that is not wanted", async () => {
      const { page } = await look("#/", { viewport: { width: 360, height: 700 }, reducedMotion: "reduce" });
      for (const place of [
        "#/",
        "#/instances/web-1",
        "#/instances/web-2",
        "#/instances/web-3",
        "#/nodes/r1-n06",
      ]) {
        await page.evaluate((to) => {
          location.hash = to;
        }, place);
        const title = place === "#/" ? "Servers" : (place.split("/").at(-1) ?? "");
        await page.getByRole("heading", { name: title, level: 1 }).waitFor();
        const over = await page.evaluate(() => {
          const { scrollWidth, clientWidth } = document.documentElement;
          return scrollWidth - clientWidth;
        });
        expect([place, over]).toEqual([place, 0]);
        expect(await page.evaluate("document.getAnimations().length")).toBe(0);
      }
    });
  },
);
