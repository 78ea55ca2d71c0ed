import { buildTestImages, imageCache, type TestImages } from "../../../tools/images/index.ts";
import type { LabServer } from "../../lab/lab/index.ts";
import { bootFilesOf, commandsTo, enrol, install, nameOn, type TestSite } from "../../lab/site.ts";
import { cutAnew, digestOf, putInto, readFrom, tableOf } from "../lib/disk.ts";
import { bannerOf, failedBy, lines, preview, switchingNothing, up } from "../lib/says.ts";
import { check, failureOf, type Stage } from "../lib/story.ts";

/** MiB. */
const ephemeral = 256;
export const kept = { flavor: "kept", image: "os", preserveEphemeral: true };

/** The Flavor with an ephemeral partition. */
export const declareFlavor = (site: TestSite, rootDisk = "1 GiB", size = `${ephemeral} MiB`) =>
  site.declare("flavors", "kept", { cpus: 1, memory: "256 MiB", rootDisk, swap: "64 MiB", ephemeral: size });

/** The Image `os`, whose content is that of a release. */
export const declareSystem = (site: TestSite, { partition: { root, kernel, ramdisk } }: TestImages) =>
  site.declare("images", "os", {
    source: root.path,
    kernel: { source: kernel.path },
    ramdisk: { source: ramdisk.path },
    kernelArgs: ["console=ttyS0"],
  });

/** A server with a partition image of release 1 on it, and a file in its ephemeral file system. */
async function withData(stage: Stage, name: string) {
  const { site, lab, images } = stage;
  await declareFlavor(site);
  await declareSystem(site, images);
  const server = await lab.server({ name });
  await enrol(site, server);
  const installed = await up(site, server, { ...kept, power: "off" });
  const data = await putInto(server, ephemeral, "data", "kept since release 1\n");
  const started = await up(site, server, kept);
  check((await bannerOf(site, server)).includes(images.partition.banner), "it is not release 1 that runs");
  return { server, data, text: `${installed}\n${started}` };
}

export const releaseTwo = () => buildTestImages(imageCache(), "2");

/** Whether the ephemeral partition has the very bytes that it had; the server is off afterwards. */
export async function proveKept(
  site: TestSite,
  server: LabServer,
  data: Data,
  args: object,
): Promise<string> {
  await up(site, server, { ...args, power: "off" });
  const now = await readFrom(server, ephemeral, "data");
  check(now.text === data.text, `the file says: ${now.text}`);
  check(now.digest === data.digest, "another byte of the ephemeral partition was changed");
  return `the file says "${now.text.trim()}", and all ${ephemeral} MiB are the same bytes`;
}
type Data = Awaited<ReturnType<typeof readFrom>>;

/** An image change: refused, allowed, performed, and not allowed a second time. */
export async function imageChange(stage: Stage): Promise<string> {
  const { server, data, text } = await withData(stage, "image");
  const { site, images } = stage;
  try {
    const two = await releaseTwo();
    await declareSystem(site, two);
    const refused = await preview(site, server, kept);
    const words = await switchingNothing(server, () =>
      failureOf(install(site, server, kept), "INSTANCE_WOULD_ERASE"),
    );
    check(refused.text.includes(words), `preview and update say different things: ${words}`);
    const wrong = { ...kept, allowReinstall: "erase-000000000000" };
    await switchingNothing(server, () => failureOf(install(site, server, wrong), "INSTANCE_WOULD_ERASE"));

    const allowed = { ...kept, allowReinstall: refused.token };
    const announced = await preview(site, server, allowed);
    const done = await up(site, server, allowed);
    const state = site.remembered("instances", nameOn(server));
    check(state?.["assignedNode"] === server.name, "it moved");
    check(state?.["rootUuid"] === two.partition.uuid, "it has another root");
    const banner = await bannerOf(site, server);
    check(banner.includes(two.partition.banner), `it says ${banner}`);
    const same = await switchingNothing(server, () => up(site, server, allowed));
    const after = await preview(site, server, allowed);
    const proof = await proveKept(site, server, data, allowed);

    await declareSystem(site, images);
    const spent = await preview(site, server, { ...allowed, power: "off" });
    check(spent.token !== "" && spent.token !== refused.token, "the token is the same as before");
    await failureOf(install(site, server, { ...allowed, power: "off" }), "INSTANCE_WOULD_ERASE");
    return lines(
      ["install; power off, a file into the ephemeral file system; power on", text],
      ["release 2, preview", refused.text],
      ["with its token, preview", announced.text],
      ["with its token, up", done],
      ["what runs", banner],
      ["asked again, preview and up", `${after.text}\n${same}`],
      ["what was kept", proof],
      ["release 1 again with the same token, preview", spent.text],
    );
  } finally {
    await leave(stage, server);
  }
}

/** Another size of the root partition is a reinstall like any other; another one of the ephemeral partition cannot keep it. */
export async function rootChange(stage: Stage): Promise<string> {
  const { server, data } = await withData(stage, "root");
  const { site, images } = stage;
  try {
    await declareFlavor(site, "1280 MiB");
    const refused = await preview(site, server, kept);
    check(refused.effect === "reinstall", `it is ${refused.effect}`);
    await switchingNothing(server, () => failureOf(install(site, server, kept), "INSTANCE_WOULD_ERASE"));
    const allowed = { ...kept, allowReinstall: ["flavor"] };
    const announced = await preview(site, server, allowed);
    const done = await up(site, server, allowed);
    check((await bannerOf(site, server)).includes(images.partition.banner), "it does not answer as before");
    const proof = await proveKept(site, server, data, allowed);
    const table = await tableOf(server);
    check(table.join() === "1 256 83,257 64 82,321 1280 83", `the table is ${table.join()}`);
    await declareFlavor(site, "1280 MiB", "300 MiB");
    const lost = await preview(site, server, allowed);
    check(lost.text.includes("[INSTANCE_EPHEMERAL_LOST]"), lost.text);
    return lines(
      ["1280 MiB instead of 1 GiB for the root, preview", refused.text],
      ['with allowReinstall: ["flavor"], preview', announced.text],
      ["with allowReinstall, up", done],
      ["what was kept", proof],
      ["partitions (start, size in MiB, type)", table.join("\n")],
      ["300 MiB instead of 256 for the ephemeral partition, preview", lost.text],
    );
  } finally {
    await leave(stage, server);
  }
}

/** A reinstall that ends before its first byte leaves the disk as it was: undone, the earlier system is booted again. */
export async function undone(stage: Stage): Promise<string> {
  const { server, data } = await withData(stage, "undone");
  const { site, images } = stage;
  try {
    await declareSystem(site, await releaseTwo());
    const { token } = await preview(site, server, kept);
    const hasty = { ...kept, allowReinstall: token, timeouts: { callback: "1 second" } };
    const late = await failedBy(install(site, server, hasty));
    const state = site.remembered("instances", nameOn(server));
    check(!(await server.isOn()), "it was left on");
    const again = await preview(site, server, { ...kept, allowReinstall: token });

    await declareSystem(site, images);
    const announced = await preview(site, server, kept);
    check(announced.effect === "restore", `it is ${announced.effect}`);
    const done = await up(site, server, kept);
    const banner = await bannerOf(site, server);
    check(banner.includes(images.partition.banner), `it says ${banner}`);
    const proof = await proveKept(site, server, data, kept);
    return lines(
      ["release 2 with its token, and one second for the ramdisk", late],
      [
        "what is told then",
        `${state?.["provisionState"]}, at "${state?.["stage"]}", power ${state?.["powerState"]}`,
      ],
      ["still release 2, preview", again.text],
      ["release 1 again, preview", announced.text],
      ["up", done],
      ["what runs", banner],
      ["what was kept", proof],
    );
  } finally {
    await leave(stage, server);
  }
}

/** What is to be kept lies elsewhere than it was put: looked at, and left as it is. */
export async function cutByHand(stage: Stage): Promise<string> {
  const { server, data } = await withData(stage, "cut");
  const { site, images } = stage;
  try {
    await up(site, server, { ...kept, power: "off" });
    await cutAnew(
      server,
      "label: dos\nstart=2048,size=256MiB,type=83\nstart=1026048,size=1GiB,type=83,bootable\n",
    );
    const before = await digestOf(server);
    await declareSystem(site, await releaseTwo());
    const { token } = await preview(site, server, kept);
    const words = await failureOf(
      install(site, server, { ...kept, allowReinstall: token }),
      "WRITE_LAYOUT_DIFFERS",
    );
    check((await digestOf(server)) === before, "a byte was written");
    await declareSystem(site, images);
    const announced = await preview(site, server, { ...kept, power: "off" });
    const done = await up(site, server, { ...kept, power: "off" });
    const now = await readFrom(server, ephemeral, "data");
    check(now.digest === data.digest, "the ephemeral partition was changed");
    return lines(
      ["release 2 with its token, on a disk that somebody cut anew", words],
      ["release 1 again, preview", announced.text],
      ["up, switched off", done],
    );
  } finally {
    await leave(stage, server);
  }
}

/** Remove what is there; nothing may stay. */
export async function leave({ site }: Stage, server: LabServer): Promise<void> {
  if (site.remembered("instances", nameOn(server))) await site.remove("instances", nameOn(server));
  const [on, files] = [await server.isOn(), await bootFilesOf(site)];
  const commands = await commandsTo(server);
  await server.stop();
  const mine = files.filter(
    (path) => path.includes(nameOn(server)) || path.includes(server.mac.replaceAll(":", "-")),
  );
  check(!on, `it is still on after its removal; its controller was given ${commands.join(", ")}`);
  check(mine.length === 0, `boot files are left: ${mine.join(", ")}`);
}
