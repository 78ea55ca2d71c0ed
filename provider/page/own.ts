import type { AddressInfo } from "node:net";
import { createApi } from "../api/server.ts";
import type { Logger } from "../kernel/log.ts";
import type { Bearer } from "../site/access.ts";
import { guardedSite } from "../site/guarded.ts";
import type { Site } from "../site/site.ts";
import { pageErrors } from "./errors.ts";
import { readPage } from "./page.ts";

interface OwnPage {
  /** A site that may be anywhere. */
  readonly site: Site;
  readonly bearer: Bearer;
  readonly log: Logger;
  /** 0: any free one. */
  readonly port: number;
  readonly knows: (token: string | undefined) => boolean;
}

/** The page of a site on this host's own address alone. What its bearer may not, nobody may here. */
export async function openPage({ site, bearer, log, port, knows }: OwnPage) {
  const read = guardedSite(site, bearer);
  const app = createApi({
    ...{ site: read, log, busy: () => {}, page: await readPage() },
    async admit({ token }) {
      if (!knows(token)) throw pageErrors.make("PAGE_TOKEN", {});
      return { site: read };
    },
  });
  try {
    await app.listen({ host: "127.0.0.1", port });
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw pageErrors.make("PAGE_PORT", { port, reason }, { cause: error });
  }
  const { port: taken } = app.server.address() as AddressInfo;
  return { address: `http://127.0.0.1:${taken}/`, close: () => app.close() };
}
