import { silent } from "../../../provider/kernel/log.ts";
import { openPage } from "../../../provider/page/own.ts";
import type { ConsoleLine, Speaker } from "../../../provider/services/console/line.ts";
import { anyOwner } from "../../../provider/site/access.ts";
import type { About, Collection, Site, State } from "../../../provider/site/site.ts";

export const token = "a-token-of-this-test";
const owner = "acme/shop/prod";

/** What a name may hold at worst. */
export const planted = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;

/** A site that a test moves on while its page is looked at. */
export async function openWorld() {
  const lists: Record<"instances" | "nodes", State[]> = { instances: [], nodes: [] };
  let progress: NonNullable<About["progress"]> = {};
  let networks: NonNullable<About["networks"]> = [];
  const logs = new Map<string, ConsoleLine[]>();
  const collection = (list: () => readonly State[]): Collection => ({
    plan: never,
    ensure: never,
    observe: never,
    remove: never,
    list: async () => list(),
  });
  const site: Site = {
    instances: collection(() => lists.instances),
    nodes: collection(() => lists.nodes),
    ...{ interfaces: collection(none), flavors: collection(none), images: collection(none) },
    about: async () => ({
      ...{ siteId: "5f0c3a5d-7e92-4c1b-9c55-0a1b2c3d4e5f", version: "0.1.0", pid: 1, settings: "x" },
      jobs: Object.keys(progress),
      progress,
      networks,
    }),
    perform: never,
    ahead: { look: never, used: never },
    uploads: { look: never, add: never },
    async *watch() {},
    async *console(_, where, name, { after = 0 } = {}) {
      yield* (logs.get(`${where}/${name}`) ?? []).filter(({ n }) => n > after);
    },
  };
  const open = (port = 0) =>
    openPage({
      ...{ site, log: silent, port, knows: (given: string | undefined) => given === token },
      bearer: { name: "page", owner: anyOwner, scope: "read" },
    });
  let page = await open();
  return {
    address: page.address,
    link: `${page.address}#token=${token}`,
    set(where: "instances" | "nodes", name: string, state: State) {
      const others = lists[where].filter((one) => one["name"] !== name);
      lists[where] = [...others, { name, owner, ...state }].sort((a, b) =>
        String(a["name"]).localeCompare(String(b["name"])),
      );
    },
    serve(now: typeof networks) {
      networks = now;
    },
    tell(now: typeof progress) {
      progress = now;
    },
    say(key: string, from: Speaker, text: string) {
      const log = logs.get(key) ?? [];
      logs.set(key, log);
      const at = new Date(Date.UTC(2026, 10, 27, 10, 0, log.length)).toISOString();
      log.push({ n: log.length + 1, at, from, text });
    },
    /** The helper is away, and comes back at the same place. */
    async goAway() {
      await page.close();
      return async () => {
        page = await open(Number(new URL(page.address).port));
      };
    },
    close: () => page.close(),
  };
}
export type World = Awaited<ReturnType<typeof openWorld>>;

const none = () => [];
const never = async (): Promise<never> => {
  throw new Error("a page asks for nothing but to look");
};

/** A rack in the middle of its day. */
export function fill(world: World): void {
  const timeline = [
    ["fetch image", 0.4],
    ["power off", 6.1],
    ["configure boot", 0.2],
    ["power on", 3.4],
    ["call-back", 74.2],
    ["write", 51.7],
    ["switch boot", 1.1],
    ["answer", 93.5],
  ].map(([step, seconds], at) => ({
    step,
    seconds,
    start: new Date(Date.UTC(2026, 10, 27, 9, at)).toISOString(),
  }));
  const plain = { flavor: "general", image: "debian-12", powerState: "on", verified: "full", timeline };
  const disk = "/dev/disk/by-id/wwn-0x5000c500a1b2c3d4";
  world.set("instances", "db-1", {
    ...plain,
    provisionState: "active",
    stage: "active",
    assignedNode: "r1-n03",
    address: "10.20.0.13",
    rootDevice: disk,
  });
  world.set("instances", "web-1", {
    ...plain,
    provisionState: "active",
    stage: "active",
    assignedNode: "r1-n01",
    address: "10.20.0.11",
    rootDevice: disk,
  });
  world.set("instances", "web-2", {
    ...plain,
    timeline: [],
    provisionState: "deploying",
    stage: "claiming",
    assignedNode: "r1-n02",
    address: "10.20.0.12",
  });
  world.set("instances", "web-3", {
    ...{
      ...plain,
      powerState: "off",
      provisionState: "deploy failed",
      stage: "call-back",
      assignedNode: "r1-n04",
    },
    timeline: timeline.slice(0, 4),
    lastError:
      "the ramdisk on r1-n04 did not call within 30 minutes: its card 52:54:00:00:00:04 asked for an address at 10:02:11 UTC; it fetched no file by TFTP. Look at the server's console and at the switch port: is the card in the provisioning network? [DEPLOY_NO_CALL]",
  });
  const node = {
    powerState: "on",
    cpus: 32,
    memory: "256 GiB",
    disk: "960 GB",
    maintenance: false,
    arch: "x86_64",
    bootMode: "uefi",
  };
  const on = { "r1-n01": "web-1", "r1-n02": "web-2", "r1-n03": "db-1", "r1-n04": "web-3" };
  const states = { "r1-n01": "active", "r1-n02": "deploying", "r1-n03": "active", "r1-n04": "deploy failed" };
  for (const [name, assignedInstance] of Object.entries(on)) {
    world.set("nodes", name, {
      ...node,
      provisionState: states[name as keyof typeof on],
      assignedInstance,
      serial: `SN-${name}`,
    });
  }
  world.set("nodes", "r1-n05", {
    ...node,
    powerState: "off",
    provisionState: "available",
    assignedInstance: "",
  });
  world.set("nodes", "r1-n06", {
    ...node,
    powerState: "off",
    provisionState: "manageable",
    assignedInstance: "",
    maintenance: true,
    maintenanceReason: "memory is exchanged",
  });
  world.tell({ "instances/web-2": { stage: "writing", percent: 42.3, rate: 118e6, left: 31 } });
  for (const [from, text] of [
    ["helper", "deployment 0b0c2a1e-5d3c-4f0e-8a51-6f2f0a9d7c11 on node r1-n02"],
    ["helper", "power off: done after 6.1 s"],
    ["helper", "powering on"],
    ["dhcp", "its card 52:54:00:00:00:02 asked for an address"],
    ["dhcp", "DHCP gave it 10.20.0.12"],
    ["tftp", "it fetched bootx64.efi"],
    ["console", "Loading Linux ..."],
    ["ramdisk", "BAREMETAL up @3.21"],
    ["ramdisk", "BAREMETAL address 10.20.0.12 on eth0; helper 10.20.0.1:10000 @7.90"],
    ["ramdisk", "BAREMETAL disk sda @9.02"],
    ["helper", "writing"],
  ] as const) {
    world.say("instances/web-2", from, text);
  }
}
