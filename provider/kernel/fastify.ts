import type { FastifyServerOptions } from "fastify";

const unused = () => () => {
  throw new TypeError("a route has a schema of fastify's: ours are zod's");
};

/**
 * For each server of ours: requests are looked at by zod, and answers are JSON as they are. Without this every server brings
 * fastify's compilers of schemas into memory, which nobody asks.
 */
export const withoutSchemas: NonNullable<FastifyServerOptions["schemaController"]> = {
  compilersFactory: { buildValidator: unused, buildSerializer: unused },
};
