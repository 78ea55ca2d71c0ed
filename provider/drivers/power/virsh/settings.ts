import { z } from "zod";
import { machineName } from "../hypervisor/name.ts";
import { namedVia, via } from "../via.ts";

const inPlace = "in-place";
const form =
  /^(?<driver>[a-z][a-z0-9]*)(?:\+(?<transport>[a-z0-9]+))?:\/\/(?<place>[^/?#\s]*)(?<path>\/\S*)$/;

const parameters = ["socket", "pkipath", "no_verify"];

/** What is wrong with a connection URI of libvirt, with its remedy. */
function faultOf(uri: string): string | undefined {
  const { driver, transport, place = "", path = "" } = form.exec(uri)?.groups ?? {};
  if (driver === undefined) return 'Expected a connection URI of libvirt, as in "qemu:///system"';
  if (transport?.includes("ssh")) {
    // virsh would log in by itself, in ways of its own: no login that is shared, no host key that is checked as ours are.
    const there = `${driver}://${path.replace(/\?.*/, "")}`;
    return `virsh does not log in by itself: write \`via: "ssh://${place.replace(/:[^@]*@/, "@")}", uri: "${there}"\`, and it runs there`;
  }
  if (transport !== undefined && !["unix", "tls", "tcp"].includes(transport)) {
    return `the transport ${transport} is none of unix, tls and tcp`;
  }
  if (/:.*@/.test(place)) return "a password in it would lie in the stack in clear";
  // `test:///FILE` shows a file in its error, `qemu:///embed?root=FOLDER` writes into a folder: of the deploy helper's host.
  const [where = "", query = ""] = path.split("?");
  if (!(driver === "test" ? ["/default"] : ["/", "/system", "/session"]).includes(where)) {
    return "its path is to be /system, /session or /";
  }
  const strange = [...new URLSearchParams(query).keys()].find((name) => !parameters.includes(name));
  return strange === undefined ? undefined : `its parameter ${strange} is none of ${parameters.join(", ")}`;
}

/** A domain of libvirt. */
export const Virsh = z
  .strictObject({
    driver: z
      .literal("virsh")
      .meta({ description: "A virtual machine of libvirt, by virsh.", change: inPlace }),
    uri: z
      .string()
      .superRefine((text, { addIssue }) => {
        const message = faultOf(text);
        if (message !== undefined) addIssue({ code: "custom", message });
      })
      .default("qemu:///system")
      .meta({ description: "Which libvirt `virsh` connects to.", change: inPlace }),
    domain: machineName(
      "The domain: its name, its UUID, or the MAC of one of its cards. It has to be defined; one that was only created is gone when it is off.",
    ),
    via,
  })
  .meta({ id: "Virsh", description: "A virtual machine of libvirt." });
export type Virsh = z.output<typeof Virsh>;

/** The hypervisor as one word. */
export const hypervisorOf = (settings: Virsh): string => namedVia(settings.uri, settings);
