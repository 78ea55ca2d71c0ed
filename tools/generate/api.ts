import { openApiOf } from "../../provider/api/openapi.ts";
import type { Route } from "../../provider/api/route.ts";
import { routes } from "../../provider/api/routes.ts";
import { resources } from "../../provider/resources/index.ts";
import { note } from "./reference.ts";

type Operations = Readonly<
  Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, unknown>> }>>>
>;

/** The page of the API: what can be asked. Its schemas are in the OpenAPI document, which every helper serves. */
export function apiPage(): string {
  const { paths } = openApiOf("") as unknown as { readonly paths: Operations };
  const lines = routes.filter(shown).map(({ method, path, summary, form, open }) => {
    const { responses = {} } = paths[path]?.[method.toLowerCase()] ?? {};
    const cells = [
      `\`${method} ${path}\``,
      summary,
      form,
      open ? "no" : "yes",
      Object.keys(responses).join(", "),
    ];
    return `| ${cells.join(" | ")} |\n`;
  });
  const head = `| Request | What it is | Answer | Token | Status |\n| --- | --- | --- | --- | --- |\n`;
  return `${note}# The API\n\n${intro}\n\n${head}${lines.join("")}`;
}

const others = Object.keys(resources).filter((collection) => collection !== "nodes");
/** One kind stands for all five. */
const shown = ({ path }: Route) => !others.some((collection) => path.startsWith(`/v1/${collection}`));

const intro = [
  "What a deploy helper can be asked: a service by HTTPS ([serve](../serve.md)), every one by its unix socket. The OpenAPI",
  "document, with the schema of each body and answer, is at `/openapi.json` of each of them, and",
  "`npx pulumi-baremetal openapi` prints it; no token is needed for it.",
  "",
  "*lines*: JSON lines (`application/x-ndjson`): `progress` and `warning` while the work goes on, `result` or `error` last; the status",
  'is told with the first of them. A request that is not taken is answered with `{ "failure": … }`, one of the',
  "[failures](errors.md), all that is wrong with it at once. A body of at most 8 MiB, JSON.",
  "",
  `What \`nodes\` are asked, ${others.map((collection) => `\`${collection}\``).join(", ")} are asked likewise.`,
].join("\n");
