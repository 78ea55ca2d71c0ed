import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { type BootHttp, startBootHttp } from "../../provider/services/boot-http/server.ts";

let root: string;
let http: BootHttp;
let sent: string[];
const stop = new AbortController();
const start = (port = 0) =>
  startBootHttp(newContext({ signal: stop.signal }), {
    ...{ host: "127.0.0.1", port, root },
    onSent: (file, peer) => sent.push(`${file} to ${peer}`),
  });
const kernel = "k".repeat(3_000_000);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "boot-http-"));
  for (const folder of ["web-1", "visit@web-1", "pxelinux.cfg"]) await mkdir(join(root, folder));
  await writeFile(join(root, "web-1/deploy_kernel"), kernel);
  await writeFile(join(root, "visit@web-1/deploy_ramdisk"), "a ramdisk");
  for (const name of ["web-1/config", "pxelinux.cfg/01-52-54-00-00-00-07", "pxelinux.0"])
    await writeFile(join(root, name), "deployment_key=s3cret");
  await writeFile(join(root, "..", "deploy_kernel"), "outside");
  sent = [];
  http = await start();
});
afterEach(async () => {
  await http.close();
  await rm(root, { recursive: true });
});

/** Word for word: `fetch` would tidy the path up. */
async function ask(request: string): Promise<{ readonly status: number; readonly body: string }> {
  const socket = connect(http.port, "127.0.0.1");
  socket.write(`${request} HTTP/1.0\r\n\r\n`);
  const [head = "", ...body] = (await text(socket)).split("\r\n\r\n");
  return { status: Number(head.split(" ")[1]), body: body.join("\r\n\r\n") };
}

describe("kernels and ramdisks by HTTP", () => {
  it("arrive whole, of a deployment and of a visit, and it is told to whom", async () => {
    expect(await ask("GET /web-1/deploy_kernel")).toEqual({ status: 200, body: kernel });
    for (const path of ["/visit@web-1/deploy_ramdisk", "/visit%40web-1/deploy_ramdisk"])
      expect(await ask(`GET ${path}`)).toEqual({ status: 200, body: "a ramdisk" });
    expect(await ask("HEAD /web-1/deploy_kernel")).toEqual({ status: 200, body: "" });
    expect(sent[0]).toBe("web-1/deploy_kernel to 127.0.0.1");
  });

  it.for([
    ["GET /web-1/config", 404],
    ["GET /pxelinux.cfg/01-52-54-00-00-00-07", 404],
    ["GET /pxelinux.0", 404],
    ["GET /web-1/", 404],
    ["GET /", 404],
    ["GET /web-1/deploy_ramdisk", 404],
    ["GET /../deploy_kernel", 404],
    ["GET /./deploy_kernel", 404],
    ["GET /%2e%2e/deploy_kernel", 404],
    ["GET /web-1/deploy_kernel?x", 404],
    ["POST /web-1/deploy_kernel", 405],
    ["DELETE /web-1/deploy_kernel", 405],
  ] as const)("are all that is served: %s is %i, and says nothing", async ([request, status]) => {
    expect(await ask(request)).toEqual({ status, body: "" });
    expect(sent).toEqual([]);
  });

  it("and images of CDs, as a controller reads them: a piece of one at a time, told to nobody", async () => {
    const name = `web-1/${"0af3".repeat(8)}.iso`;
    await writeFile(join(root, name), "0123456789");
    await writeFile(join(root, "web-1/guessed.iso"), "x");
    expect(await ask(`GET /${name}`)).toEqual({ status: 200, body: "0123456789" });
    const socket = connect(http.port, "127.0.0.1");
    socket.write(`GET /${name} HTTP/1.0\r\nRange: bytes=2-4\r\n\r\n`);
    const said = await text(socket);
    const lines = said.toLowerCase().split("\r\n");
    expect([lines[0], lines.at(-1)]).toEqual(["http/1.1 206 partial content", "234"]);
    expect(lines).toContain("content-range: bytes 2-4/10");
    expect((await ask("GET /web-1/guessed.iso")).status).toBe(404);
    expect(sent).toEqual([]);
  });

  it("refuse a port that somebody has, with what to do", async () => {
    await expect(start(http.port)).rejects.toMatchObject({
      code: "BOOT_HTTP_CANNOT_LISTEN",
      message: expect.stringMatching(/EADDRINUSE.*bootPort/),
    });
  });

  it("end with the signal, twice too", async () => {
    const other = await start();
    stop.abort(new Error("enough"));
    await other.close();
    await expect(fetch(`http://127.0.0.1:${other.port}/web-1/deploy_kernel`)).rejects.toThrow();
  });
});
