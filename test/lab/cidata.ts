import { execa } from "execa";
import { parse } from "yaml";
import { partitionsIn } from "../fixtures/tables.ts";
import type { LabServer } from "./lab/index.ts";

/** A file of the volume labelled `cidata` on a server's raw disk, as cloud-init would find it: in its last partition. */
export async function readCidata(server: LabServer, name: string): Promise<string> {
  const last = (await partitionsIn(server.diskPath())).at(-1);
  const volume = `${server.diskPath()}@@${(last?.start ?? 0) * 512}`;
  const { stdout: label } = await execa("mlabel", ["-s", "-i", volume, "::"]);
  if (!label.includes("cidata")) throw new Error(`${server.name} has no volume cidata: ${label}`);
  return (await execa("mtype", ["-i", volume, `::${name}`])).stdout;
}

/** What cloud-init on that disk would phone home with, and where to. */
export async function homeOf(
  server: LabServer,
): Promise<{ readonly url: string; readonly instance: string }> {
  const vendor = parse(await readCidata(server, "vendor-data")) as { phone_home: { url: string } };
  const meta = parse(await readCidata(server, "meta-data")) as { "instance-id": string };
  return { url: vendor.phone_home.url, instance: meta["instance-id"] };
}
