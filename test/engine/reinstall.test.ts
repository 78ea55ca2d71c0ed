import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { InstanceArgs } from "./declare.ts";
import { type OwnImage, ownImage, tokenIn } from "./own-image.ts";
import { openRack, type Rack, reason } from "./rack.ts";

const up = ["up", "--yes", "--stack", "dev"] as const;
const quick = [...up, "--skip-preview"] as const;
const preview = ["preview", "--stack", "dev"] as const;
const reinstalled = ["set power 0", "set boot pxe", "set power 1", "set boot default"];

describe.skipIf(reason)(`a new image for a server that is installed`, () => {
  let rack: Rack;
  let image: OwnImage;
  let [token, commands] = ["", 0];
  const write = (more: InstanceArgs = {}) =>
    rack.write(rack.program({ ...image.knobs, instances: { web: { node: "u7", ...more } } }));
  const outputs = async () => (await rack.state("dev")).get("web")?.outputs;
  /** What its controller was told since this was asked last. */
  const told = async () => {
    const all = await rack.commandsTo("u7");
    const news = all.slice(commands);
    commands = all.length;
    return news;
  };

  beforeAll(async () => {
    rack = await openRack({ servers: ["u7"] });
    image = await ownImage(rack);
    await write();
    const { exitCode, text } = await rack.pulumi(...quick);
    expect({ exitCode, text }).toMatchObject({ exitCode: 0 });
    await told();
    await image.change();
  });
  afterAll(() => rack?.close());

  it("is refused at preview, which names what would be lost and what allows exactly that", async () => {
    const { exitCode, text } = await rack.pulumi(...preview);
    expect(exitCode).not.toBe(0);
    token = tokenIn(text);
    const { address, port } = rack.server("u7").bmc;
    expect(text).toContain("the change of image reinstalls instance web");
    expect(text).toContain("it erases disk ata-PAPER_DISK_u7-0 (4 GiB) of node u7");
    expect(text).toContain(`(controller ${address}:${port}, serial LAB-u7, last verified 20`);
    expect(text).toContain("which holds the system of whole");
    expect(text).toContain(`set \`allowReinstall: "${token}"\`; or undo the change. [INSTANCE_WOULD_ERASE]`);
    expect(text).not.toMatch(/^ +at /m);
  });

  it("says on the image's row which instance it concerns", () => {
    expect(rack.said()).toMatch(/baremetal:Image whole .*instance web uses it, and plans a reinstall/);
  });

  it("is refused by an update without a preview too, which touches nothing", async () => {
    const { exitCode, text } = await rack.pulumi(...quick);
    expect(exitCode).not.toBe(0);
    expect(text).toContain(`${token}"\`; or undo the change. [INSTANCE_WOULD_ERASE]`);
    expect(await told()).toEqual([]);
  });

  it("is announced by a preview that has the token, and done by the update, on the same server", async () => {
    const before = await outputs();
    await write({ allowReinstall: token });
    const { exitCode, text } = await rack.pulumi(...up);
    expect({ exitCode, text }).toMatchObject({ exitCode: 0 });
    const announced = text.slice(0, text.indexOf("Updating (dev)"));
    expect(announced).toContain("reinstalls: power u7 off");
    expect(announced).toContain("erases disk ata-PAPER_DISK_u7-0 (4 GiB) of node u7");
    expect(announced).toContain("1 of at most 1 in this run");
    expect(await told()).toEqual(reinstalled);
    const after = await outputs();
    const { assignedNode, address } = before ?? {};
    expect(after).toMatchObject({ assignedNode, address, provisionState: "active", answered: true });
    expect(after?.["installedDigest"]).not.toBe(before?.["installedDigest"]);
    expect(after?.["installedDigest"]).toBe((await rack.state("dev")).get("whole")?.outputs["digest"]);
  });

  it("is done once: a second update finds nothing to do", async () => {
    const { exitCode, text } = await rack.pulumi(...quick, "--expect-no-changes");
    expect({ exitCode, text }).toMatchObject({ exitCode: 0 });
    expect(await told()).toEqual([]);
  });

  it("spends its token: the next image is refused and has another one", async () => {
    await image.change();
    const { exitCode, text } = await rack.pulumi(...preview);
    expect(exitCode).not.toBe(0);
    expect(text).toContain("[INSTANCE_WOULD_ERASE]");
    expect(tokenIn(text)).not.toBe(token);
  });

  it("is refused where the file changed after the preview that announced it", async () => {
    await write({ allowReinstall: ["image"] });
    expect(await rack.pulumi(...preview)).toMatchObject({ exitCode: 0 });
    await image.change();
    const { exitCode, text } = await rack.pulumi(...quick);
    expect(exitCode).not.toBe(0);
    expect(text).toContain("[PLAN_CHANGED]");
    expect(await told()).toEqual([]);
  });
});
