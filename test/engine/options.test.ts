import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { InstanceArgs } from "./declare.ts";
import { tokenIn } from "./own-image.ts";
import { openRack, type Rack, reason } from "./rack.ts";

const quick = ["up", "--yes", "--skip-preview", "--stack", "dev"] as const;
const preview = ["preview", "--stack", "dev"] as const;
const urn = "urn:pulumi:dev::rack::pulumi-nodejs:dynamic/baremetal:Instance::web";
const elsewhere = { image: "partition", allowReinstall: true };

describe.skipIf(reason)("Pulumi's own options", () => {
  let rack: Rack;
  let commands: Readonly<Record<string, number>> = {};
  const write = (more: InstanceArgs = {}, db: InstanceArgs = {}) =>
    rack.write(rack.program({ instances: { web: { node: "u7", ...more }, db: { node: "u8", ...db } } }));
  /** What the controllers were told since this was asked last. */
  const told = async () => {
    const all = await Promise.all(
      rack.servers.map(async ({ name }) => [name, await rack.commandsTo(name)] as const),
    );
    const news = all.map(([name, calls]) => [name, calls.slice(commands[name] ?? 0)] as const);
    commands = Object.fromEntries(all.map(([name, calls]) => [name, calls.length]));
    return Object.fromEntries(news.filter(([, calls]) => calls.length > 0));
  };
  const refused = async (words: readonly string[], says: string | RegExp) => {
    const { exitCode, text } = await rack.pulumi(...words);
    expect({ exitCode, text }).not.toMatchObject({ exitCode: 0 });
    expect(text).toMatch(says);
    expect(await told()).toEqual({});
    return text;
  };
  const done = async (...words: readonly string[]) => {
    const { exitCode, text } = await rack.pulumi(...words);
    expect({ exitCode, text }).toMatchObject({ exitCode: 0 });
    return text;
  };

  beforeAll(async () => {
    rack = await openRack({ servers: ["u7", "u8"] });
    await write();
    await done(...quick);
    await told();
  });
  afterAll(() => rack?.close());

  it("protect: we refuse what Pulumi would let pass, a reinstall", async () => {
    await write({ ...elsewhere, options: { protect: true } });
    await refused(preview, /instance web is protected .*would erase its disk.*\[INSTANCE_PROTECTED\]/);
  });

  it("protect: Pulumi itself refuses to delete it", async () => {
    await write({ options: { protect: true } });
    await done(...quick);
    await refused(["destroy", "--yes", "--skip-preview", "--stack", "dev", "--target", urn], /protected/);
  });

  it("locked, which is ours, refuses a reinstall at preview and a deletion at the update", async () => {
    await write({ ...elsewhere, locked: true });
    await refused(preview, /instance web is locked, and this would erase its disk.*\[INSTANCE_LOCKED\]/);
    await write({ locked: true });
    await done(...quick);
    await rack.write(rack.program({ instances: { db: { node: "u8" } } }));
    await refused(quick, /instance web is locked, and this would delete it.*\[INSTANCE_LOCKED\]/);
    await write();
    await done(...quick);
  });

  it("--replace: is refused before anything is deleted, and allowed it deletes and creates", async () => {
    const text = await refused([...quick, "--replace", urn], /\[INSTANCE_WOULD_ERASE\]/);
    await write({ allowReinstall: tokenIn(text) });
    expect(await done(...quick, "--replace", urn)).toContain("+-1 replaced");
    expect(await told()).toEqual({
      u7: ["set power 0", "set boot pxe", "set power 1", "set boot default"],
    });
  });

  it("a replacement for which there is no place is refused before anything is deleted", async () => {
    await write({ node: "u8", allowReinstall: true });
    await refused(preview, /u8: instance db holds it.*\[INSTANCE_NO_NODE\]/);
  });

  it("--target: the other server is left as it is", async () => {
    await write({ power: "off" }, { power: "off" });
    await done(...quick, "--target", urn);
    expect(await told()).toEqual({ u7: ["set shutdown 1"] });
    await write();
    await done(...quick);
    expect(await told()).toEqual({ u7: ["set power 1"] });
  });

  it("another logical name for the same `name`: it is taken over, and nothing is deleted", async () => {
    await rack.write(rack.program({ instances: { shop: { name: "web", node: "u7" }, db: { node: "u8" } } }));
    expect(await done(...quick)).toContain("- 1 deleted");
    await done(...quick, "--expect-no-changes");
    expect(await told()).toEqual({});
  });

  it("two resources of one `name` are refused", async () => {
    const twins = { shop: { name: "web", node: "u7" }, other: { name: "web", node: "u7" } };
    await rack.write(rack.program({ instances: { ...twins, db: { node: "u8" } } }));
    await refused(preview, /the name web is used by \w+ of this program.*\[SITE_NAME_TAKEN\]/);
  });
});
