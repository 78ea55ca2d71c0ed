import type { Context } from "../../../kernel/context.ts";
import { hasCode } from "../../../kernel/errors.ts";
import { type BootTarget, definePower, type PowerDriver } from "../driver.ts";
import { powerErrors } from "../errors.ts";
import { type Lists, onMachine } from "../hypervisor/find.ts";
import { virtual } from "../hypervisor/manners.ts";
import { lastLine, masked } from "../program.ts";
import { type Info, orderWords, readCards, readInfo, readMachines } from "./info.ts";
import { hypervisorOf, VirtualBox } from "./settings.ts";
import { type Ask, askVBoxManage } from "./vboxmanage.ts";

type Device = BootTarget["device"];
const pendingKey = (uuid: string) => `virtualbox-boot ${uuid}`;

/** A virtual machine of VirtualBox, of the user who runs VBoxManage. */
export const virtualbox = definePower<typeof VirtualBox>({
  schema: VirtualBox,
  controller: hypervisorOf,
  switches: ({ vm }) => [vm],
  manners: virtual,
  open(settings, { kept, memory, runOn }) {
    const address = hypervisorOf(settings);
    const ask = askVBoxManage(settings, runOn);
    const odd = (reply: string, what: string) =>
      powerErrors.make("POWER_ODD_REPLY", { address, reply: masked([], lastLine(reply)), what });
    const on = onMachine(address, settings.vm, listsOf(ask, odd), kept);

    async function infoOf(ctx: Context, uuid: string): Promise<Info> {
      const text = await ask(ctx, ["showvminfo", uuid, "--machinereadable"], "its state");
      const info = readInfo(text);
      if (info === undefined) throw odd(text, "its state");
      return info;
    }

    async function stateOf(ctx: Context, uuid: string): Promise<"on" | "off"> {
      const { state } = await infoOf(ctx, uuid);
      if (state !== "busy") return state === "saved" ? "off" : state;
      throw powerErrors.make("POWER_BUSY", { address, reason: `${settings.vm} is neither on nor off` });
    }

    /** One that is so already is refused, in words that differ; only its state tells that it is no failure. */
    async function send(
      ctx: Context,
      uuid: string,
      words: readonly string[],
      to: "on" | "off",
    ): Promise<void> {
      try {
        await ask(ctx, words, words[0] === "startvm" ? "a start" : `a ${words.at(-1)}`);
      } catch (error) {
        const perhaps = hasCode(error, "POWER_ODD_REPLY", "POWER_BUSY");
        if (!perhaps || (await stateOf(ctx, uuid)) !== to) throw error;
      }
    }

    async function start(ctx: Context, uuid: string): Promise<void> {
      const pending = await memory.get(pendingKey(uuid));
      if (pending === "network" || pending === "disk") {
        const info = await infoOf(ctx, uuid);
        if (info.state === "off") await reorder(ctx, uuid, info, pending);
      }
      await send(ctx, uuid, ["startvm", uuid, "--type", "headless"], "on");
    }

    async function setBoot(
      ctx: Context,
      uuid: string,
      { device, firmware: declared }: BootTarget,
    ): Promise<void> {
      const info = await infoOf(ctx, uuid);
      if (info.firmware !== declared) {
        const has = info.firmware;
        ctx.log.warn("the virtual machine starts by other firmware than declared", { declared, has });
      }
      if (info.state === "saved" && device === "network") {
        // It would go on where it was, with a disk that was written meanwhile.
        const reason = `its memory is saved, \`VBoxManage discardstate ${settings.vm}\` forgets it`;
        throw powerErrors.make("POWER_CANNOT", { address, what: `boot from the network: ${reason}` });
      }
      if (info.state === "off") await reorder(ctx, uuid, info, device);
      // While it runs VirtualBox changes nothing of it: what holds for the next start is said to it right before.
      else await memory.set(pendingKey(uuid), device);
    }

    async function reorder(ctx: Context, uuid: string, info: Info, device: Device): Promise<void> {
      const words = ["modifyvm", uuid, ...orderWords(info.order, device)];
      if (info.boots !== device) await ask(ctx, words, "another order of boot");
      if ((await memory.get(pendingKey(uuid))) !== undefined) await memory.set(pendingKey(uuid), undefined);
    }

    async function boot(ctx: Context, uuid: string): Promise<BootTarget | undefined> {
      const { boots, firmware } = await infoOf(ctx, uuid);
      const pending = await memory.get(pendingKey(uuid));
      const device = pending === "network" || pending === "disk" ? pending : boots;
      return device && { device, persistent: true, firmware };
    }

    const control = (verb: string) => (ctx: Context) =>
      on(ctx, (uuid) => send(ctx, uuid, ["controlvm", uuid, verb], "off"));
    return {
      state: (ctx) => on(ctx, (uuid) => stateOf(ctx, uuid)),
      set: (ctx, to) => (to === "on" ? on(ctx, (uuid) => start(ctx, uuid)) : control("poweroff")(ctx)),
      softOff: control("acpipowerbutton"),
      setBoot: (ctx, target) => on(ctx, (uuid) => setBoot(ctx, uuid, target)),
      boot: (ctx) => on(ctx, (uuid) => boot(ctx, uuid)),
      identity: async (ctx) => (await on(ctx, (uuid) => infoOf(ctx, uuid))).identity,
    } satisfies PowerDriver;
  },
});

const listsOf = (ask: Ask, odd: (reply: string, what: string) => Error): Lists => ({
  async machines(ctx) {
    const text = await ask(ctx, ["list", "vms"], "its virtual machines");
    const machines = readMachines(text);
    if (machines === undefined) throw odd(text, "its virtual machines");
    return machines;
  },
  async macs(ctx) {
    const text = await ask(ctx, ["list", "--long", "vms"], "its network cards");
    const macs = readCards(text);
    if (macs === undefined) throw odd(text, "its network cards");
    return macs;
  },
});
