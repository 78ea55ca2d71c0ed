import { defineErrors } from "../kernel/errors.ts";

export const siteErrors = defineErrors({
  HELPER_GONE: {
    text: "the connection to the deploy helper was lost: {reason}",
    remedy: "Run `pulumi up` again: it goes on from where the work stands.",
    fault: "site",
    retry: true,
  },
  HELPER_REFUSED: {
    text: "the deploy helper did not take the request: {reason}",
    remedy: "Its version is another one, or the request is too large: see the helper's log.",
    fault: "site",
  },
  HELPER_NOT_STARTED: {
    text: "the deploy helper did not start: {reason} (its log is {log})",
    remedy: "Mend what it names and run `pulumi up` again.",
    fault: "host",
  },
  HELPER_OTHER_SETTINGS: {
    text: "the deploy helper of this store works with other site settings and is busy with {jobs}",
    remedy: "Wait until it is done, or give this stack another `baremetal:site.stateDir`.",
    fault: "site",
  },
  STORE_IN_USE: {
    text: "another deploy helper has the store in {stateDir}",
    remedy: "Nothing to do: that one is used. If it hangs, end it; its pid is in the log beside the store.",
    fault: "site",
  },
  STORE_KEY_LOST: {
    text: "the key file {file} of this store is gone, and with it the way to read its passwords",
    remedy: "Put the file back from a backup. Without one, begin a new store: move this state folder away.",
    fault: "site",
  },
  STORE_NEWER: {
    text: "the store has format {found}, this version knows {known}",
    remedy: "Use the version of pulumi-baremetal that wrote it, or a newer one.",
    fault: "site",
  },
  SITE_SETTINGS_BAD: {
    text: "the site settings are not right: {faults}",
    remedy:
      "Correct them with `pulumi config set --path baremetal:site.FIELD VALUE`; docs/reference/site.md lists them.",
    fault: "input",
  },
  SITE_NAME_TAKEN: {
    text: "the name {name} is used by {owner} on this site",
    remedy: "Give this one another `name`; names are unique in a site, across stacks.",
    fault: "input",
  },
  SITE_OWNER_MOVED: {
    text: "the state of {name} belongs to {owner}, this stack is {asks}",
    remedy: "Nothing is changed or deleted for a copied or renamed stack. Use the stack that declared it.",
    fault: "input",
  },
  SITE_LOST_RECORD: {
    text: "this site has no record of {name}, so it cannot be deleted safely",
    remedy:
      "Use the machine whose site declared it, or run `pulumi up` first: that enrols it again without a power action.",
    fault: "site",
  },
  SITE_RENAMED: {
    text: "{kind} {name} cannot be renamed to {wanted}",
    remedy: "Keep the name, or declare a new one and delete this one.",
    fault: "input",
  },
  SITE_JOB_BUSY: {
    text: "{name} is being worked on with other inputs than these",
    remedy: "Wait for it to end and run `pulumi up` again.",
    fault: "site",
    retry: true,
  },
  SITE_UNKNOWN_REFERENCE: {
    text: "there is no {kind} {name} on this site",
    remedy: "Pass the resource itself rather than its name, so that it is made first.",
    fault: "input",
  },
  SITE_SETTINGS_MISSING: {
    text: "the site setting `{setting}` is not known",
    remedy: "Set it with `pulumi config set --path baremetal:site.{setting} VALUE`.",
    fault: "site",
  },
  SITE_NO_NETWORK: {
    text: "the interface {interface} of this host has no IPv4 address, or does not exist",
    remedy:
      "Give it an address of the provisioning network, or set `network` and `address` of `baremetal:site`.",
    fault: "host",
  },
  SITE_ABORTED: {
    text: "{name} was aborted",
    remedy: "The server is off and its boot files are withdrawn; the next `pulumi up` begins again.",
    fault: "site",
  },
  NODE_IN_USE: {
    text: "node {node} is held by instance {instance}",
    remedy:
      "Delete the instance first; a Node that passes through `node` or `candidates` is deleted after it by itself.",
    fault: "input",
  },
  NODE_SAME_CONTROLLER: {
    text: "node {other} has the same controller, {controller}",
    remedy:
      "Correct `power.address` or `power.port`: two servers behind one controller would be switched together.",
    fault: "input",
  },
  INTERFACE_MAC_TAKEN: {
    text: "the MAC {mac} belongs to Interface {other} already",
    remedy: "A network card is declared once: correct `mac`, or remove the other Interface.",
    fault: "input",
  },
  INTERFACE_IN_USE: {
    text: "Interface {name} is used by instance {instance}, which was installed through it",
    remedy: "Delete the instance before changing the card it booted from.",
    fault: "input",
  },
  INTERFACE_OFF_NETWORK: {
    text: "the address {address} is not on the provisioning network {network}",
    remedy: "Give an address of that network, or none: then the site chooses one.",
    fault: "input",
  },
  INSTANCE_LOST_RECORD: {
    text: "this site has no record of instance {instance}, which the state says is installed on {node}",
    remedy:
      "Nothing was touched. Use the machine whose site installed it, or restore that site's store; if the system is really gone, `pulumi state delete` it.",
    fault: "site",
  },
  IMAGE_NOT_AS_PLANNED: {
    text: "the image at {source} is not the one that the preview looked at",
    remedy: "Nothing was written. Run `pulumi up` again: it plans with the image as it is now.",
    fault: "image",
  },
  INSTANCE_NO_NODE: {
    text: "no node fits instance {instance}: {reasons}",
    remedy: "Change the flavor, offer another node, or mend what the reasons name.",
    fault: "input",
  },
  INSTANCE_NEEDS_REINSTALL: {
    text: "a change of {fields} needs a reinstall of instance {instance} on node {node}",
    remedy:
      "Reinstalling in place is not supported yet, so nothing is erased. Undo the change, or delete the instance and declare it again.",
    fault: "input",
  },
  INSTANCE_EXISTS: {
    text: "instance {instance} is installed on node {node} already, with other inputs",
    remedy:
      "Nothing is erased. Give the new one another name, or make its inputs those of the installed one.",
    fault: "input",
  },
});
