import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { expect, it } from "vitest";

const inside = fileURLToPath(new URL("./inside.ts", import.meta.url));
const namespace = "--user --map-root-user --net --pid --fork --kill-child --mount-proc".split(" ");
const thrice = (text: string) => [text, text, text];

it("a packet to everybody leaves by the interface that it is told, and one to a network by the routes", async () => {
  const node = [process.execPath, "--import", "tsx", inside];
  const { stdout } = await execa("unshare", [...namespace, ...node], {
    timeout: 50_000,
    killSignal: "SIGKILL",
  });
  expect(JSON.parse(stdout)).toEqual({
    first: thrice("by v0 from 10.98.0.1"),
    second: [...thrice("by w0 from 10.99.0.1"), ...thrice("to the second from 10.99.0.1")],
    codes: ["POWER_UNREACHABLE", "POWER_UNREACHABLE"],
  });
}, 60_000);
