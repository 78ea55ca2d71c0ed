import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openRack, type Rack, reason } from "./rack.ts";

const quick = ["--yes", "--stack", "dev", "--skip-preview"] as const;

describe.skipIf(reason)(`a stack that installs servers${reason ? ` (left out: ${reason})` : ""}`, () => {
  let rack: Rack;
  const commands = async () => (await Promise.all(["u7", "u8"].map(rack.commandsTo))).flat();
  const calls = async (...words: readonly string[]) => {
    const { exitCode, text } = await rack.pulumi(...words);
    expect({ exitCode, text }).toMatchObject({ exitCode: 0 });
    return text;
  };

  beforeAll(async () => {
    rack = await openRack({ servers: ["u7", "u8"] });
    const instances = { web: { node: "u7" }, db: { candidates: ["u8"], image: "partition" } };
    await rack.write(rack.program({ instances }));
  });
  afterAll(() => rack?.close());

  it("touches no server at preview", async () => {
    expect(await calls("preview", "--stack", "dev")).toContain("+ 10 to create");
    expect(await commands()).toEqual([]);
  });

  it("installs both kinds of image", async () => {
    await calls("up", "--yes", "--stack", "dev");
    const state = await rack.state("dev");
    const [web, db] = ["web", "db"].map((name) => state.get(name)?.outputs);
    const done = {
      provisionState: "active",
      powerState: "on",
      answered: true,
      verified: "full",
      lastError: "",
    };
    expect(web).toMatchObject({ ...done, assignedNode: "u7", serial: "LAB-u7", power: "on" });
    expect(db).toMatchObject({ ...done, assignedNode: "u8", rootUuid: rack.images.partition.uuid });
    expect(web?.["installedDigest"]).toMatch(/^sha256:/);
    expect(web?.["installedDigest"]).toBe(state.get("whole")?.outputs["digest"]);
    expect(db?.["installedDigest"]).toBe(state.get("partition")?.outputs["digest"]);
    expect(await rack.server("u8").console()).toContain(`system: ${rack.images.partition.name} answers`);
  });

  it("finds nothing to do a second time, and asks no controller for anything", async () => {
    const before = await commands();
    await calls("up", ...quick, "--expect-no-changes");
    await calls("refresh", ...quick, "--expect-no-changes");
    expect(await commands()).toEqual(before);
  });

  it("shows at a refresh that somebody pulled the power, and switches nothing by that", async () => {
    await rack.server("u7").pull();
    const before = await commands();
    const text = await calls("refresh", "--yes", "--stack", "dev", "--diff");
    expect(text).toMatch(/~ power +: "on" => "off"/);
    expect((await rack.state("dev")).get("web")?.outputs).toMatchObject({ power: "off", powerState: "off" });
    expect(await commands()).toEqual(before);
  });

  it("switches it on again at the next update, which writes nothing", async () => {
    const before = (await rack.state("dev")).get("web")?.outputs;
    const [seven, eight] = [await rack.commandsTo("u7"), await rack.commandsTo("u8")];
    const text = await calls("up", "--yes", "--stack", "dev");
    expect(text).toContain("~ 1 updated");
    expect((await rack.commandsTo("u7")).slice(seven.length)).toContain("set power 1");
    expect(await rack.commandsTo("u8")).toEqual(eight);
    const { timeline, bytesWritten } = before ?? {};
    const after = { power: "on", powerState: "on", provisionState: "active", timeline, bytesWritten };
    expect((await rack.state("dev")).get("web")?.outputs).toMatchObject(after);
  });

  it("destroys all of it: the servers are off, and nothing is served to them", async () => {
    expect(await rack.menus()).toEqual(["u7", "u8"]);
    await calls("destroy", ...quick);
    expect((await rack.state("dev")).size).toBe(0);
    expect(await Promise.all(rack.servers.map(({ isOn }) => isOn()))).toEqual([false, false]);
    expect(await rack.menus()).toEqual([]);
  });
});
