import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { expect, it } from "vitest";

const inside = fileURLToPath(new URL("./networks.ts", import.meta.url));
const namespace = "--user --map-root-user --net --pid --fork --kill-child --mount-proc".split(" ");

it("on several networks of one host each card is told its own network's address, server and router, and nothing in another; one that is down stops none, and comes to life", async () => {
  const node = [process.execPath, "--import", "tsx", inside];
  const { stdout } = await execa("unshare", [...namespace, ...node], {
    timeout: 110_000,
    killSignal: "SIGKILL",
  });
  expect(JSON.parse(stdout)).toEqual({
    near: { ip: "10.99.0.7", siaddr: "10.99.0.1", file: "pxelinux.0" },
    far: { ip: "10.98.0.2", siaddr: "10.98.0.1", router: "10.98.0.254", file: "pxelinux.0" },
    astray: {},
    heard: ["52:54:00:00:00:0a"],
    waited: {
      before: ["b2: SITE_NO_NETWORK"],
      problems: ["SITE_NO_NETWORK"],
      words: [
        "waiting for the network b2: the interface b2 of this host has no IPv4 address, or does not exist",
      ],
      late: { ip: "10.97.0.2", siaddr: "10.97.0.1", file: "pxelinux.0" },
    },
    went: {
      after: ["b0: NETWORK_LINK_DOWN"],
      again: [],
      nearAgain: { ip: "10.99.0.7", siaddr: "10.99.0.1", file: "pxelinux.0" },
    },
    calls: ["10.99.0.1", "10.98.0.1", "10.97.0.1"],
    left: 0,
  });
});
