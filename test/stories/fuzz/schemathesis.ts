import { join } from "node:path";
import { execa } from "execa";
import { programOf, schemathesis as tool } from "../../../tools/setup/python-tools.ts";
import { check } from "../lib/story.ts";
import { type FuzzedService, port } from "./service.ts";

/**
 * schemathesis against the document that is served. Left out of its checks: that whatever fits the schema is taken (rules
 * across fields are no JSON Schema), and that a request without a token is always a 401 (it is a 429 when there are many;
 * a case of its own looks at that).
 */
export async function schemathesis({ token, folder }: FuzzedService, seconds: number): Promise<string> {
  const words = [
    ...["--config-file", join(import.meta.dirname, "schemathesis.toml")],
    ...["run", `https://127.0.0.1:${port}/openapi.json`, "--tls-verify", "false", "--no-color"],
    ...["-H", `Authorization: Bearer ${token}`, "--phases", "coverage,fuzzing", "--seed", "1"],
    ...["--max-time", String(seconds), "--max-examples", "30", "--continue-on-failure"],
    ...["--request-timeout", "60", "--checks", "all", "--suppress-health-check", "all"],
    ...["--exclude-checks", "positive_data_acceptance,ignored_auth,missing_required_header"],
  ];
  const hooks = join(import.meta.dirname, "hooks.py");
  const { all = "", exitCode } = await execa(programOf(tool), words, {
    ...{ all: true, reject: false, cwd: folder, timeout: (seconds + 300) * 1_000 },
    env: { SCHEMATHESIS_HOOKS: hooks },
  });
  const [, generated = ""] = /Test cases:\n +(.*)/.exec(all) ?? [];
  // A request of one finding may be longer than all else that is said.
  check(generated !== "" && exitCode === 0, all.replace(/(.{400}).+/g, "$1 …").slice(-20_000));
  return generated;
}
