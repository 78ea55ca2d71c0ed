import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Logger } from "../kernel/log.ts";
import type { Site } from "../site/site.ts";
import { octets } from "../site/transport.ts";
import { PieceRequest, UploadRequest } from "../site/wire.ts";
import { answer } from "./answer.ts";

/** Files that clients bring: what there is of one, and its next piece. A piece is as large as any other request may be. */
export function addUploads(
  app: FastifyInstance,
  siteOf: (request: FastifyRequest) => Site,
  log: Logger,
): void {
  app.addContentTypeParser(octets, { parseAs: "buffer" }, (_, body, done) => done(null, body));
  app.get("/v1/uploads", async (request, reply) =>
    answer(reply, log, async (ctx) => siteOf(request).uploads.look(ctx, UploadRequest.parse(request.query))),
  );
  app.post<{ Body: unknown }>("/v1/uploads", async (request, reply) =>
    answer(reply, log, async (ctx) => {
      const { offset, ...upload } = PieceRequest.parse(request.query);
      const bytes = request.body;
      if (!(bytes instanceof Uint8Array)) throw new TypeError(`a piece of a file comes as ${octets}`);
      return siteOf(request).uploads.add(ctx, upload, offset, bytes);
    }),
  );
}
