import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { expect, it } from "vitest";

const inside = fileURLToPath(new URL("./relayed.ts", import.meta.url));
const namespace = "--user --map-root-user --net --pid --fork --kill-child --mount-proc".split(" ");

it("a card behind a router that relays gets an address of its own network, that router, and what to boot", async () => {
  const node = [process.execPath, "--import", "tsx", inside];
  const { stdout } = await execa("unshare", [...namespace, ...node], {
    timeout: 40_000,
    killSignal: "SIGKILL",
  });
  expect(JSON.parse(stdout)).toEqual({
    ...{ ip: "10.98.0.10", router: "10.98.0.1", siaddr: "10.99.0.1", file: "pxelinux.0" },
  });
});
