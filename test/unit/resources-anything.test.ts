import fc from "fast-check";
import { expect, it } from "vitest";
import { resources } from "../../provider/resources/index.ts";

const power = { driver: "ipmi", address: "10.0.0.17", user: "admin", password: "x" };
const good: Readonly<Record<string, object>> = {
  nodes: { name: "n1", power, cpus: 4, memory: "8 GiB", disk: "100 GB" },
  instances: { name: "web-1", flavor: "f1", image: "d12" },
};

// A rule across fields is looked at whatever the fields are: it must not take one for what it should be.
it.for(Object.entries(resources))(
  "the inputs of %s are judged, whatever is given",
  ([collection, resource]) => {
    const { inputs } = resource;
    const names = Object.keys(inputs.shape);
    const driver = fc.constantFrom("virtual-media", "redfish", "ipmi", "network");
    const value = fc.oneof(fc.constant(undefined), fc.record({ driver }), fc.anything());
    const given = fc.record(Object.fromEntries(names.map((name) => [name, value])), { requiredKeys: [] });
    fc.assert(
      fc.property(given, (fields) => {
        expect(() => inputs.safeParse({ ...good[collection], ...fields })).not.toThrow();
      }),
      { numRuns: 400 },
    );
  },
);
