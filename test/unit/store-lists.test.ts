import { describe, expect, it } from "vitest";
import { type Records, withLists } from "../../provider/site/local/store/lists.ts";

/** Records that count how often they are read; `slow` is awaited before a change is done. */
function records(slow: Promise<void> = Promise.resolve()) {
  const names: string[] = [];
  const all = { reads: 0 };
  const store: Records<string> = {
    all: async () => {
      all.reads += 1;
      return [...names];
    },
    put: async (_, record) => {
      await slow;
      names.push(record);
    },
    patch: () => slow,
    drop: async () => {
      names.pop();
    },
    moveOwner: async () => names.length,
  };
  return { all, lists: withLists(store) };
}
const ref = { owner: "o", name: "a" };

describe("a store's lists", () => {
  it("are read once until something changes", async () => {
    const { all, lists } = records();
    await Promise.all([lists.all("nodes"), lists.all("nodes")]);
    expect(all.reads).toBe(1);
    await lists.all("images");
    expect(all.reads).toBe(2);
  });

  it.for([
    { what: "put", change: (lists: Records<string>) => lists.put("nodes", "b") },
    { what: "patched", change: (lists: Records<string>) => lists.patch("nodes", "a", {}) },
    { what: "dropped", change: (lists: Records<string>) => lists.drop("nodes", ref) },
  ])("are read again after a record was $what, those of other collections not", async ({ change }) => {
    const { all, lists } = records();
    await lists.all("nodes");
    await lists.all("flavors");
    await change(lists);
    await lists.all("nodes");
    await lists.all("flavors");
    expect(all.reads).toBe(3);
  });

  it("that were read while a record changed are not kept", async () => {
    let done = () => {};
    const slow = new Promise<void>((resolve) => {
      done = resolve;
    });
    const { lists } = records(slow);
    const putting = lists.put("nodes", "a");
    expect(await lists.all("nodes")).toEqual([]);
    done();
    await putting;
    expect(await lists.all("nodes")).toEqual(["a"]);
  });
});
