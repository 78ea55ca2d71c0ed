import { readFile } from "node:fs/promises";
import type { FastifyInstance } from "fastify";

/** The page for people: a few files that a browser fetches without a token, and that ask the API with the one they are given. */
export interface Page {
  readonly addTo: (app: FastifyInstance) => void;
}

/** Where the files lie, in the source tree and in the published package alike. */
const folder = new URL("./assets/", import.meta.url);

const files: Readonly<Record<string, readonly [name: string, type: string]>> = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/page/theme.css": ["theme.css", "text/css; charset=utf-8"],
  "/page/layout.css": ["layout.css", "text/css; charset=utf-8"],
  "/page/parts.css": ["parts.css", "text/css; charset=utf-8"],
  "/page/screens.css": ["screens.css", "text/css; charset=utf-8"],
  "/page/icon.svg": ["icon.svg", "image/svg+xml"],
  "/page/main.js": ["main.js", "text/javascript; charset=utf-8"],
  "/page/api.js": ["api.js", "text/javascript; charset=utf-8"],
  "/page/dom.js": ["dom.js", "text/javascript; charset=utf-8"],
  "/page/lists.js": ["lists.js", "text/javascript; charset=utf-8"],
  "/page/details.js": ["details.js", "text/javascript; charset=utf-8"],
  "/page/console.js": ["console.js", "text/javascript; charset=utf-8"],
  "/page/networks.js": ["networks.js", "text/javascript; charset=utf-8"],
  "/page/words.js": ["words.js", "text/javascript; charset=utf-8"],
};

// Nothing from elsewhere, nothing inline, in no frame: what a server or a program calls itself can do nothing here.
const policy = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'"],
  ...[
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ],
].join("; ");

const headers = {
  "content-security-policy": policy,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-cache",
};

export async function readPage(): Promise<Page> {
  const read = await Promise.all(
    Object.entries(files).map(async ([path, [name, type]]) => {
      return { path, type, body: await readFile(new URL(name, folder), "utf8") };
    }),
  );
  return {
    addTo(app) {
      for (const { path, type, body } of read) {
        app.get(path, { config: { open: true } }, async (_, reply) =>
          reply.headers(headers).type(type).send(body),
        );
      }
    },
  };
}
