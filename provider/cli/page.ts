import { randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { Command, InvalidArgumentError } from "commander";
import { silent } from "../kernel/log.ts";
import { anyOwner } from "../site/access.ts";
import { forSite, type Shell, type SiteOptions } from "./shell.ts";

interface PageOptions extends SiteOptions {
  readonly port: number;
}

/** `page`: the page for people of any site, however it is reached, for this user's browser alone. */
export function pageCommand({ ctx, site: siteOf, print, note }: Shell): Command {
  return forSite(new Command("page"))
    .description("show a site in the browser: servers, progress, errors, console logs; it changes nothing")
    .option(
      "--port <number>",
      "a port of this host's own address, 127.0.0.1 (default: any free one)",
      port,
      0,
    )
    .action(async (options: PageOptions) => {
      const site = siteOf(options);
      await site.about(ctx); // whoever cannot reach it hears so here
      const token = randomBytes(24).toString("base64url");
      const { openPage } = await import("../page/own.ts");
      const own = { name: "page", owner: anyOwner, scope: "read" } as const;
      const page = await openPage({
        site,
        bearer: own,
        log: silent,
        port: options.port,
        knows: sameAs(token),
      });
      // Behind the #: a browser sends that to nobody.
      print(`${page.address}#token=${token}\n`);
      note("Open this in a browser on this host. Ctrl-C ends it.\n");
      await once(ctx.signal, "abort");
      await page.close();
    });
}

const sameAs = (token: string) => (given: string | undefined) => {
  const [wanted, said] = [Buffer.from(token), Buffer.from(given ?? "")];
  return wanted.length === said.length && timingSafeEqual(wanted, said);
};

function port(text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 65_536;
  if (number > 65_535) throw new InvalidArgumentError("Expected a port, 1 to 65535.");
  return number;
}
