import { sshKeyFault } from "./ssh-key.ts";

/** What cloud-init's module phone_home posts, as far as it is of use. */
export interface PhoneHome {
  readonly instanceId: string;
  /** Empty where it is no name. */
  readonly hostname: string;
  /** Public host keys, sorted, as `ssh-ed25519 AAAA…`; none where the system runs no SSH server. */
  readonly hostKeys: readonly string[];
}

export type ParsedPhoneHome =
  | { readonly ok: true; readonly call: PhoneHome }
  /** In one line, for cloud-init's log. It never repeats what was sent. */
  | { readonly ok: false; readonly reason: string };

// DSA is left out: OpenSSH has refused it since its release 7.0, and cloud-init only ever tells that it has none.
export const hostKeyFields = ["pub_key_ecdsa", "pub_key_ed25519", "pub_key_rsa"] as const;
const hostKinds = /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d+)$/;

/** Read the form that cloud-init posts (its documentation, "Phone Home"). Never throws. */
export function parsePhoneHome(body: string): ParsedPhoneHome {
  const fields = new Map(new URLSearchParams(body));
  // What a system does not have it posts as `N/A`.
  const field = (name: string) =>
    fields
      .get(name)
      ?.trim()
      .replace(/^N\/A$/, "") ?? "";
  const instanceId = field("instance_id");
  if (!/^[\w.:-]{1,128}$/.test(instanceId)) {
    return { ok: false, reason: "parameter 'instance_id' is not an instance's id" };
  }
  const hostKeys: string[] = [];
  for (const name of hostKeyFields) {
    const text = field(name);
    if (text === "") continue;
    const [kind = "", key = ""] = text.split(/\s+/);
    if (sshKeyFault(`${kind} ${key}`) !== undefined || !hostKinds.test(kind)) {
      return { ok: false, reason: `parameter '${name}' is not a public host key` };
    }
    hostKeys.push(`${kind} ${key}`);
  }
  const hostname = field("hostname");
  return {
    ok: true,
    call: {
      instanceId,
      hostname: /^[\w.-]{1,253}$/.test(hostname) ? hostname : "",
      hostKeys: hostKeys.sort(),
    },
  };
}
