import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { expect, it } from "vitest";

const inside = fileURLToPath(new URL("./relayed.ts", import.meta.url));
const namespace = "--user --map-root-user --net --pid --fork --kill-child --mount-proc".split(" ");

const ours = { router: "10.98.0.1", serverid: "10.99.0.1", siaddr: "10.99.0.1", file: "pxelinux.0" };
const told = { server: "10.99.0.1", next: "10.99.0.1" };

it("a card behind a router that relays gets its address, router and loader, gives the address back, and is told by a proxy what to boot", async () => {
  const node = [process.execPath, "--import", "tsx", inside];
  const { stdout } = await execa("unshare", [...namespace, ...node], {
    timeout: 100_000,
    killSignal: "SIGKILL",
  });
  expect(JSON.parse(stdout)).toEqual({
    lease: { ip: "10.98.0.10", ...ours },
    held: ["10.98.0.10"],
    // Taken off the list of a dnsmasq that was started since, and given another one by it.
    left: [],
    again: { ip: "10.98.0.11", ...ours },
    boots: {
      bios: { ...told, file: "pxelinux.0" },
      // UEFI is sent to port 4011, across the router.
      offer: { ...told, file: "" },
      uefi: { ...told, file: "shimx64.efi" },
    },
  });
});
