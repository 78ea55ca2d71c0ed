import { describe, expect, it } from "vitest";
import { columns } from "../../provider/cli/import/columns.ts";
import { good, head, serverLists } from "../fixtures/server-lists.ts";

const { run, faults } = serverLists();

describe("a list of servers", () => {
  it("becomes one Node and its Interfaces for each server, without a password", async () => {
    const { out, err, code } = await run("servers.csv", good);
    expect({ err, code }).toEqual({ err: "" });
    expect(out).toContain('const password = config.requireSecret("bmcPassword");');
    expect(out).toContain(
      `const rack1U7 = new baremetal.Node("rack1-u7", {
  cpus: 16,
  memory: "64 GiB",
  disk: "480 GB",
  power: { driver: "ipmi", address: "10.0.0.17", user: "admin", password },
  identity: { serial: "0012345" },
  capabilities: { rack: "r1", "cpu:model": "x y" },
});
new baremetal.Interface("rack1-u7-eth0", {
  node: rack1U7,
  mac: "52:54:00:00:00:07",
});
new baremetal.Interface("rack1-u7-eth1", {
  node: rack1U7,
  mac: "52:54:00:00:00:08",
});
`,
    );
    expect(out).toContain('user: "ad,min"');
    expect(out.match(/new baremetal\.Node/g)).toHaveLength(3);
    expect(out.match(/new baremetal\.Interface/g)).toHaveLength(5);
    expect(out).not.toMatch(/Instance|Flavor|Image/);
  });

  it("becomes an adoption too, with each Flavor and Image declared once", async () => {
    const sources = [
      "--image",
      "./old.qcow2",
      "--image",
      "debian-12=https://images.example.org/d12.qcow2?a=b",
    ];
    const { out, err } = await run("servers.csv", good, "--adopt", ...sources);
    expect(err).toBe("");
    expect(out).toContain(
      `const storageFlavor = new baremetal.Flavor("storage", {
  cpus: 8,
  memory: "2048 MiB",
  rootDisk: "240 GB",
});`,
    );
    expect(out).toContain('source: "https://images.example.org/d12.qcow2?a=b"');
    expect(out).toContain('const adoptedImage = new baremetal.Image("adopted", { source: "./old.qcow2" });');
    expect(out).toContain(
      `new baremetal.Instance("rack1-u7", {
  flavor: storageFlavor,
  image: debian12Image,
  node: rack1U7,
  interfaces: [rack1U7Eth0, rack1U7Eth1],
  adopt: true,
});`,
    );
    expect(out.match(/new baremetal\.(Flavor|Image)\(/g)).toHaveLength(4);
    expect(out.match(/adopt: true/g)).toHaveLength(3);
  });

  it("may be YAML or JSON, with cells that are lists and maps; numbers keep their zeros", async () => {
    const yaml = `
- name: n1
  address: 10.0.0.1
  user: admin
  mac: [005254000001, "52:54:00:00:00:02"]
  cpus: 4
  memory: 8 GiB
  disk: 100 GB
  serial: 0012e5
  uuid: null
  capabilities: { rack: r1, 10g: yes }
`;
    const node = { name: "n1", address: "10.0.0.1", user: "admin", cpus: 4, memory: "8 GiB", disk: "100 GB" };
    const more = { mac: ["005254000001", "52:54:00:00:00:02"], serial: "0012e5", uuid: null };
    const json = JSON.stringify([{ ...node, ...more, capabilities: { rack: "r1", "10g": "yes" } }], null, 2);
    const read = await run("servers.yaml", yaml);
    expect(read.out).toContain('identity: { serial: "0012e5" }');
    expect(read.out).toContain('capabilities: { rack: "r1", "10g": "yes" }');
    expect(read.out).toContain('mac: "00:52:54:00:00:01"');
    expect((await run("servers.json", json)).out).toBe(read.out.replace("servers.yaml", "servers.json"));
  });
});

describe("a list that is not right", () => {
  it("is told of every fault at once, each with its line and what is expected", async () => {
    const rows = [
      "n1,10.0.0.1,admin,zz 01:00:5e:00:00:01,many,64,480 GB",
      "n1,10.0.0.1,administratoraccount,52:54:00:00:00:07 52:54:00:00:00:07,0,,480 GB",
      ",10.0.0.1:99,,,4,64 GiB,480 GB,more",
      `${"n".repeat(60)},bmc,admin,52:54:00:00:00:08,4,64 GiB,480 GB`,
    ];
    expect(await faults("servers.csv", [head, ...rows].join("\n"))).toEqual([
      '2: mac: Expected a MAC address of 12 hexadecimal digits, as in "52:54:00:12:34:56"',
      "2: mac: 01:00:5e:00:00:01 is a group or null address; a network card has a unicast one",
      "2: cpus: Expected a whole number",
      '2: memory: Expected a number and a unit, as in "64 GiB" or "480 GB"',
      "3: name: The name is that of line 2 already",
      "3: address: The controller is that of line 2 already",
      "3: user: must have 1 to 16 bytes: IPMI has no room for more",
      "3: mac: The MAC address is that of line 3 already",
      "3: cpus: Expected at least 1",
      '3: memory: Required: main memory, as in "64 GiB"',
      "4: There is a cell more than the header has names: put quotes around one that holds a comma",
      "4: name: Required: the server's name",
      "4: address: must be an IP address or a host name",
      "4: user: Required: account on the controller",
      "4: mac: Required: its network cards that boot from the network, several separated by ; or a blank",
      "5: name: Expected at most 58 characters: its cards are -eth0 behind it",
    ]);
  });

  it("is told the line in YAML too", async () => {
    const yaml = "- name: n1\n  address: [a, b]\n  user: { x: [1] }\n  cpus: 1.5\n  disk:\n    - 4\n- n2\n";
    expect(await faults("servers.yml", yaml)).toEqual([
      "1: mac: Required: its network cards that boot from the network, several separated by ; or a blank",
      '1: memory: Required: main memory, as in "64 GiB"',
      "2: address: Expected one text",
      "3: user: Expected a text",
      "4: cpus: Expected a whole number",
      "5: disk: Expected one text",
      "7: Expected a server with names and values",
    ]);
  });

  it.for([
    { column: "adress", says: "There is no such column; did you mean address?" },
    { column: "MACs", says: "There is no such column; did you mean mac?" },
    { column: "colour", says: `There is no such column; known are ${Object.keys(columns).join(", ")}` },
    { column: "cpus", says: "This column is there twice" },
  ])("names the column $column that is not known, once", async ({ column, says }) => {
    const list = `${head},${column}\nn1,10.0.0.1,admin,52:54:00:00:00:07,4,64 GiB,480 GB,x\n`;
    expect((await faults("servers.csv", list)).slice(0, 1)).toEqual([`1: ${column.toLowerCase()}: ${says}`]);
  });

  it.for(["password", "Passwd", "bmc-password", "pasword", "kg", "ipmi_secret"])(
    "holds no secrets: the column %s is refused with the reason, and its cells are not repeated",
    async (column) => {
      const list = `${head},${column}\nn1,10.0.0.1,admin,52:54:00:00:00:07,4,64 GiB,480 GB,PLANTED\n`;
      const [only = "", ...more] = await faults("servers.csv", list);
      expect(only).toContain("Passwords do not belong into a file or a program");
      expect(only).toContain("bmcPassword");
      expect([only, ...more].join()).not.toContain("PLANTED");
    },
  );

  it("tells a column that is missing once, and not again for one that is misspelt", async () => {
    const list = "name,address,user,mac,cpu,disk\nn1,10.0.0.1,admin,52:54:00:00:00:07,4,480 GB\n";
    expect(await faults("servers.csv", list)).toEqual([
      "1: cpu: There is no such column; did you mean cpus?",
      '1: memory: Required: main memory, as in "64 GiB"',
    ]);
  });

  it.for([
    { what: "nothing", file: "servers.csv", text: "", says: "1: Expected a header line" },
    { what: "a header alone", file: "servers.csv", text: head, says: "There is no server in it" },
    { what: "an open quote", file: "servers.csv", text: `${head}\n"a`, says: "The quotes around a cell" },
    { what: "no list", file: "servers.yaml", text: "name: n1", says: "1: Expected a list of servers" },
    { what: "broken YAML", file: "servers.yaml", text: "- a\n- {", says: "2: " },
    { what: "broken JSON", file: "servers.json", text: "[{", says: "1: " },
  ])("may hold $what", async ({ file, text, says }) => {
    const [only = "", ...more] = await faults(file, text);
    expect(only).toContain(says);
    expect(more).toEqual([]);
  });

  it.for([
    { file: "servers.txt", text: good, says: "its name does not say what it is" },
    { file: "missing.csv", text: undefined, says: "no such file" },
  ])("may not be one: $file", async ({ file, text, says }) => {
    const { err, code } = await run(file, text);
    expect(code).toBe("IMPORT_UNREADABLE");
    expect(err).toContain(says);
  });
});
