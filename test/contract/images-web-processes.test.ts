import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { checksum, imagesFromWeb, limits } from "./images-from-web.ts";

const ctx = newContext();
const web = imagesFromWeb();

describe("several processes", () => {
  const service = new URL("../../provider/services/images/index.ts", import.meta.url).href;
  const kernel = new URL("../../provider/kernel/context.ts", import.meta.url).href;

  async function startChild(source: { location: string; checksum: string }) {
    const script = join(web.dir, "child.mts");
    await writeFile(
      script,
      `import { createImages } from ${JSON.stringify(service)};
import { newContext } from ${JSON.stringify(kernel)};
const images = createImages({ dir: ${JSON.stringify(web.dir)}, limits: ${JSON.stringify(limits)} });
const { digest } = await images.ensure(newContext(), ${JSON.stringify(source)});
process.stdout.write(digest);
`,
    );
    return execaNode(script);
  }
  const execaNode = (script: string) => ({
    child: execa(process.execPath, ["--import", "tsx", script], { reject: false }),
  });

  it("fetch once", async () => {
    const source = { ...(await web.begin({ slow: 20 })), checksum };
    const children = [await startChild(source), await startChild(source)];
    const ours = web.images.ensure(ctx, source);
    for (const { child } of children) expect((await child).stdout).toBe(checksum);
    expect((await ours).digest).toBe(checksum);
    expect(web.server.gets()).toBe(1);
    await web.expectQuiet();
  });

  it("one that is killed is taken over from at once, where it stood", async () => {
    const source = { ...(await web.begin({ slow: 40 })), checksum };
    const { child } = await startChild(source);
    while (web.server.gets() === 0) await pause(20);
    await pause(600);
    child.kill("SIGKILL");
    await child;
    web.server.manners.slow = 0;
    const begun = Date.now();
    expect((await web.images.ensure(ctx, source)).digest).toBe(checksum);
    expect(Date.now() - begun).toBeLessThan(5_000);
    expect(web.server.requests[1]?.range).toMatch(/^bytes=[1-9]/);
    await web.expectQuiet();
  });
});
