import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { expect, it } from "vitest";

const inside = fileURLToPath(new URL("./networks.ts", import.meta.url));
const namespace = "--user --map-root-user --net --pid --fork --kill-child --mount-proc".split(" ");

it("on two networks of one host each card is told its own network's address, server and router, and nothing in the other", async () => {
  const node = [process.execPath, "--import", "tsx", inside];
  const { stdout } = await execa("unshare", [...namespace, ...node], {
    timeout: 55_000,
    killSignal: "SIGKILL",
  });
  expect(JSON.parse(stdout)).toEqual({
    near: { ip: "10.99.0.7", siaddr: "10.99.0.1", file: "pxelinux.0" },
    far: { ip: "10.98.0.2", siaddr: "10.98.0.1", router: "10.98.0.254", file: "pxelinux.0" },
    astray: {},
    heard: ["52:54:00:00:00:0a"],
    calls: ["10.99.0.1", "10.98.0.1"],
    left: 0,
  });
});
