import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { newContext, type Progress } from "../../provider/kernel/context.ts";
import type { Announcement, Machine } from "../../provider/services/callback/announcement.ts";
import { type Awaited, createSwitchboard } from "../../provider/site/local/calls.ts";
import { describeSeen } from "../../provider/workflows/seen.ts";

const key = "ab".repeat(32);
const mac = "52:54:00:00:00:07";
const machine: Machine = {
  ...{ bootId: "boot-1", serial: "SN-1", productUuid: "4c4c4544-0042-4a10-8056-b3c04f4a3132" },
  ...{ macs: [mac, "52:54:00:00:00:08"], firmware: "bios", disks: [] },
};
const post = (more: Partial<Announcement> = {}): Announcement => ({
  ...{ deployment: "d-1", key, address: "10.0.0.7", iqn: "iqn.x:1", port: 3260, lun: 1, peer: "10.0.0.7" },
  machine,
  ...more,
});
const classicPost = (more: Partial<Announcement> = {}): Announcement => {
  const { machine: _, ...rest } = post(more);
  return rest;
};
function lineFor(more: Partial<Awaited> = {}) {
  const board = createSwitchboard();
  const notes: (Progress | string)[] = [];
  const awaited: Awaited = {
    ...{ id: "d-1", key, node: "n1", expected: { macs: [mac] }, classic: false },
    ...{ firmware: "bios", arch: "x86_64" },
    report: (progress) => notes.push(progress.note ?? ""),
    ...more,
  };
  const line = board.open(awaited);
  return { board, line, notes, accept: board.accept };
}
type Line = ReturnType<typeof lineFor>;
const uefi: Machine = { ...machine, firmware: "uefi" };
const ok = { ok: true };
const starts = {
  bios: { firmware: "bios", arch: "i386" },
  uefi: { firmware: "uefi", arch: "x86_64" },
  arm: { firmware: "uefi", arch: "aarch64" },
} as const;

describe("the switchboard", () => {
  it("passes a call of the right machine on, and again when the same is posted again", async () => {
    const { accept, line } = lineFor();
    const waiting = line.next(newContext());
    expect(await accept(post())).toEqual(ok);
    expect(await accept(post())).toEqual(ok);
    const target = { address: "10.0.0.7", port: 3260, iqn: "iqn.x:1", lun: 1 };
    expect(await waiting).toEqual({ target, boot: "boot-1", machine });
    expect(await line.next(newContext())).toMatchObject({ boot: "boot-1" });
  });

  it.for([
    { what: "a wrong key", call: post({ key: "cd".repeat(32) }) },
    { what: "no key", call: post({ key: "" }) },
    { what: "half a key", call: post({ key: key.slice(1) }) },
    { what: "an unknown deployment", call: post({ deployment: "d-2" }) },
  ])("tells $what nothing, in the same words", async ({ call }) => {
    const { accept, line, notes } = lineFor();
    expect(await accept(call)).toEqual({ ok: false, reason: "key is not match" });
    expect(notes).toEqual([]);
    const none = line.next(newContext({ signal: AbortSignal.timeout(20) }));
    await expect(none).rejects.toThrow();
  });

  it.for([
    { what: "serial number", expected: { serial: "SN-2", macs: [mac] } },
    { what: "product UUID", expected: { productUuid: "11111111-2222-3333-4444-555555555555", macs: [mac] } },
    { what: "MAC", expected: { macs: ["52:54:00:00:00:99"] } },
  ])("fails the deployment when the right key comes from a machine with another $what", async (given) => {
    const { accept, line, notes } = lineFor({ expected: given.expected });
    const waiting = line.next(newContext());
    const verdict = await accept(post());
    expect(verdict).toMatchObject({ ok: false, reason: expect.stringContaining(given.what) });
    await expect(waiting).rejects.toMatchObject({ code: "DEPLOY_OTHER_MACHINE" });
    expect(notes.join()).toContain(given.what);
  });

  it.for([
    { told: "the ramdisk's own words", tell: ({ accept }: Line) => accept(post({ machine: uefi })) },
    {
      told: "the boot loader that its card asks for",
      tell: ({ board }: Line) => board.starts(mac, starts.uefi),
    },
  ])("fails the deployment of a server that starts otherwise than declared, by $told", async ({ tell }) => {
    const given = lineFor();
    const waiting = given.line.next(newContext());
    await tell(given);
    await expect(waiting).rejects.toMatchObject({
      code: "DEPLOY_OTHER_FIRMWARE",
      record: { fault: "input", text: expect.stringContaining("bootMode: bios") },
    });
  });

  it.for([
    { declared: "x86_64", start: "arm", seen: "aarch64" },
    { declared: "aarch64", start: "uefi", seen: "x86_64" },
    { declared: "aarch64", start: "bios", seen: "i386" },
    { declared: "i386", start: "uefi", seen: "x86_64" },
  ] as const)(
    "fails the deployment of a server that is declared $declared and asks for the loader of $seen",
    async ({ declared, start, seen }) => {
      const { board, line } = lineFor({ arch: declared, firmware: "uefi" });
      const waiting = line.next(newContext());
      board.starts(mac, starts[start]);
      await expect(waiting).rejects.toMatchObject({
        code: "DEPLOY_OTHER_ARCH",
        record: { fault: "input", text: expect.stringMatching(`arch: ${declared}.* ${seen}$`) },
      });
    },
  );

  it("goes on when the card starts as declared, or when it is another deployment's", async () => {
    const { accept, board, line } = lineFor({ firmware: "uefi" });
    board.starts(mac, starts.uefi);
    const old = lineFor({ arch: "i386" });
    old.board.starts(mac, starts.bios);
    expect(await old.accept(post())).toEqual(ok);
    board.starts("52:54:00:00:00:99", starts.bios);
    expect(await accept(post({ machine: uefi }))).toEqual(ok);
    expect(await line.next(newContext())).toMatchObject({ machine: { firmware: "uefi" } });
  });

  it("knows a UUID in the byte order of the firmware, and takes placeholders for nothing", async () => {
    const swapped = "44454c4c-4200-104a-8056-b3c04f4a3132";
    const { accept } = lineFor({
      expected: { productUuid: swapped, serial: "To be filled by O.E.M.", macs: [mac] },
    });
    expect(await accept(post())).toEqual(ok);
  });

  it("is bound to the first machine that was accepted; another one is refused, and the deployment goes on", async () => {
    const { accept, line, notes } = lineFor();
    await accept(post());
    const other = { ...machine, serial: "SN-9", bootId: "boot-9" };
    expect(await accept(post({ machine: other }))).toMatchObject({ ok: false });
    expect(notes.join()).toContain("another machine");
    expect(await line.next(newContext())).toMatchObject({ boot: "boot-1" });
    expect(await accept(post())).toEqual(ok);
  });

  it("stays bound over a restart of the helper", async () => {
    const { accept } = lineFor({ bound: { ...machine, serial: "SN-0" } });
    expect(await accept(post())).toMatchObject({
      ok: false,
      reason: expect.stringContaining("another machine"),
    });
  });

  it("does not let a bound machine in that the program no longer means", async () => {
    const { accept } = lineFor({ bound: machine, expected: { serial: "SN-CORRECTED", macs: [mac] } });
    expect(await accept(post())).toMatchObject({ ok: false, reason: expect.stringContaining("serial") });
  });

  it("knows a machine again whose kernel names the cards in another order, or sees one late", async () => {
    const { accept } = lineFor();
    await accept(post());
    const again = { ...machine, macs: [...machine.macs].reverse() };
    expect(await accept(post({ machine: again }))).toEqual(ok);
    expect(await accept(post({ machine: { ...machine, macs: [mac] } }))).toEqual(ok);
    const stranger = { ...machine, macs: ["52:54:00:00:00:99"] };
    expect(await accept(post({ machine: stranger }))).toMatchObject({ ok: false });
  });

  it("tells of a new boot, and of a failure, but not of a repeated post", async () => {
    const { accept, line } = lineFor();
    await accept(post());
    let changed: unknown;
    const waiting = line.changed(newContext(), "boot-1").then((call) => {
      changed = call;
    });
    await accept(post());
    await new Promise((resolve) => setImmediate(resolve));
    expect(changed).toBeUndefined();
    await accept(post({ machine: { ...machine, bootId: "boot-2" }, iqn: "iqn.x:2" }));
    await waiting;
    expect(changed).toMatchObject({ boot: "boot-2", target: { iqn: "iqn.x:2" } });
    await accept(post({ machine: { ...machine, bootId: "boot-2" }, error: "no disk" }));
    expect(await line.changed(newContext(), "boot-2")).toMatchObject({ failure: "no disk" });
  });

  it("takes a classic ramdisk only where one is expected, and tells its boots by their targets", async () => {
    const { accept } = lineFor();
    expect(await accept(classicPost())).toMatchObject({
      ok: false,
      reason: expect.stringContaining("our own"),
    });
    const { accept: classic, line } = lineFor({ classic: true });
    expect(await classic(classicPost())).toEqual(ok);
    expect(await line.next(newContext())).toEqual({
      target: { address: "10.0.0.7", port: 3260, iqn: "iqn.x:1", lun: 1 },
      boot: "iqn.x:1",
    });
    expect(await classic(classicPost({ error: "oh" }))).toEqual(ok);
    expect(await line.next(newContext())).toMatchObject({ failure: "oh" });
  });

  it("makes a key void when the deployment's line is closed", async () => {
    const { accept, line } = lineFor();
    line.close();
    expect(await accept(post())).toEqual({ ok: false, reason: "key is not match" });
  });

  it("leaves no listener on a signal that has waited", async () => {
    const { accept, line } = lineFor();
    const controller = new AbortController();
    const waiting = line.next(newContext({ signal: controller.signal }));
    await accept(post());
    await waiting;
    const given_up = line.changed(newContext({ signal: controller.signal }), "boot-1");
    controller.abort(new Error("enough"));
    await expect(given_up).rejects.toThrow();
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });
});

describe("what is seen of a server", () => {
  const words = ({ line }: Line) => describeSeen(line.sightings, { phase: "call-back", dhcp: "managed" });

  it("is noted for the deployment whose card, key or id it is, until the server is switched on again", async () => {
    const given = lineFor();
    given.board.saw({ mac }, { kind: "ack", mac, ip: "10.0.0.7" });
    given.board.saw({ mac: "52:54:00:00:00:99" }, { kind: "ack", mac: "52:54:00:00:00:99", ip: "10.0.0.9" });
    await given.accept(post({ key: "00" }));
    given.board.saw({ deployment: "d-1" }, { kind: "phone-home refused", reason: "one" });
    given.board.saw({ deployment: "d-2" }, { kind: "phone-home refused", reason: "two" });
    expect(words(given)).toMatch(
      /^DHCP gave it 10\.0\.0\.7 at .*refused \(key is not match\) at .*refused \(one\) at [^;]*$/,
    );
    await given.accept(post());
    expect(words(given)).toContain("its ramdisk called and was accepted");
    given.line.forget();
    expect(words(given)).toMatch(
      /^no DHCP request of its cards was seen since [\d:]+ UTC; its ramdisk did not call$/,
    );
  });

  it("may be a card that nobody declared, and never one that is known", () => {
    const given = lineFor();
    const asks = (of: string, refused?: string) =>
      given.board.saw({ mac: of }, { kind: "discover", mac: of, ...(refused ? { refused } : {}) });
    asks("52:54:00:00:00:77");
    expect(words(given)).not.toContain("declared");
    asks("52:54:00:00:00:99", "ignored");
    expect(words(given)).toContain("a card that nobody declared, 52:54:00:00:00:99");
    asks(mac);
    expect(words(given)).not.toContain("declared");
  });
});
