import { z } from "zod";
import { drift, ipv4, mac, name, reference } from "./fields.ts";
import { defineResource } from "./resource.ts";

export const Interface = defineResource({
  kind: "Interface",
  collection: "interfaces",
  inputs: z
    .strictObject({
      name,
      mac: mac.meta({
        description: "MAC address in any usual notation; kept lower-case with colons. Unique in the site.",
        change: "refused-in-use",
      }),
      node: reference("Node").meta({ description: "The server this card sits in.", change: "replace" }),
      address: ipv4.optional().meta({
        description: "Fixed address on the provisioning network. Default: one of the site's.",
        change: "in-place",
      }),
      physicalNetwork: z
        .string()
        .regex(/^[\w.-]{1,40}$/, 'Expected the name of a network of the site, as in "eth1"')
        .optional()
        .meta({
          description:
            "The provisioning network that it is in, by name, where the site has several and `address` does not tell.",
          change: "in-place",
        }),
      drift,
    })
    .meta({ id: "Interface", description: "A network card of a Node that boots from the network." }),
  outputs: z.object({
    siteId: z.string().meta({ description: "The site whose records hold it." }),
  }),
});
