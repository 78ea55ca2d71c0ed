import { z } from "zod";
import { PieceRequest, UploadRequest } from "../site/wire.ts";
import { bodyOf } from "./bodies.ts";
import { apiErrors } from "./errors.ts";
import type { Route } from "./route.ts";

const Uploaded = z
  .object({
    have: z
      .number()
      .meta({ description: "Bytes of it, from the beginning on: the next piece begins there." }),
    whole: z.boolean().meta({ description: "All of it is there, and is what was announced." }),
  })
  .meta({ id: "Uploaded", description: "What there is of a file that is uploaded." });

/** Files that clients bring: what there is of one, and its next piece, which is as large as any other request may be. */
export const uploadRoutes: readonly Route[] = [
  {
    ...{ method: "GET", path: "/v1/uploads", name: "lookAtUpload", form: "lines", answer: Uploaded },
    summary: "What there is of a file, by its digest.",
    query: UploadRequest.shape,
    act: async (ctx, { site, query }) => site.uploads.look(ctx, bodyOf(UploadRequest, query)),
  },
  {
    ...{ method: "POST", path: "/v1/uploads", name: "upload", form: "lines", answer: Uploaded },
    summary: "The piece of a file that begins at `offset`. Asked twice does no harm.",
    query: PieceRequest.shape,
    body: "bytes",
    async act(ctx, { site, query, body }) {
      const { offset, ...upload } = bodyOf(PieceRequest, query);
      if (!(body instanceof Uint8Array))
        throw apiErrors.make("REQUEST_MEDIA_TYPE", { type: "application/json" });
      return site.uploads.add(ctx, upload, offset, body);
    },
  },
];
