import { defineErrors } from "../kernel/errors.ts";

export const siteErrors = defineErrors({
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
    remedy:
      "Nothing to do: that one is used. If it hangs, or a backup is to be restored, end it; its pid is in `helper.log` beside the store.",
    fault: "site",
  },
  STORE_BACKUP_FOLDER: {
    text: "the folder {folder} cannot take a backup: {reason}",
    remedy: "Name a folder that does not exist yet, where the user of the deploy helper may make it.",
    fault: "input",
  },
  STORE_BACKUP_BAD: {
    text: "the backup in {folder} cannot be restored: {reason}",
    remedy: "Nothing was replaced. Name a folder that `npx pulumi-baremetal store backup` filled.",
    fault: "input",
  },
  STORE_WOULD_REPLACE: {
    text: "there is a store in {stateDir} already",
    remedy:
      "Nothing was replaced. With `--replace` it is moved aside, not deleted, and the backup takes its place.",
    fault: "input",
  },
  STORE_KEY_LOST: {
    text: "the key file {file} of this store is gone, and with it the way to read its passwords",
    remedy: "Put the file back from a backup. Without one, begin a new store: move this state folder away.",
    fault: "site",
  },
  STORE_FULL: {
    text: "nothing more can be written to the store in {stateDir}: its disk is full",
    remedy:
      "Make room there (`df {stateDir}`), then run the command again: what was under way was stopped where it stood, and goes on from there.",
    fault: "host",
  },
  STORE_UNWRITABLE: {
    text: "the store in {stateDir} cannot be used: {reason}",
    remedy:
      "Its user has to be able to write there: look whether the file system is read-only (`findmnt -T {stateDir}`; `dmesg` says why) and whose the folder is. Then run the command again: what was under way goes on.",
    fault: "host",
  },
  STORE_DAMAGED: {
    text: "the store in {stateDir} is damaged: {reason}",
    remedy:
      "Nothing is done with it. End the helper, look after the disk (`dmesg`), and put a backup in its place: `npx pulumi-baremetal store restore FOLDER --replace` moves this one aside. Without a backup, what SQLite can read of it: `sqlite3 site.db .recover`.",
    fault: "host",
  },
  STORE_NEWER: {
    text: "the store has format {found}, this version knows {known}",
    remedy: "Use the version of pulumi-baremetal that wrote it, or a newer one.",
    fault: "site",
  },
  REPORT_NOT_KEPT: {
    text: "the report cannot be written to {file}: {reason}",
    remedy:
      "Name a file that can be written; the rehearsal itself came to its end and can be asked for again.",
    fault: "input",
  },
  SITE_SETTINGS_BAD: {
    text: "the site settings are not right: {faults}",
    remedy:
      "Correct them with `pulumi config set --path baremetal:site.FIELD VALUE`, or in the file that is named; docs/reference/site.md lists them.",
    fault: "input",
  },
  SITE_NAME_TAKEN: {
    text: "the name {name} is used by {owner} on this site",
    remedy: "Give this one another `name`; names are unique in a site, across stacks.",
    fault: "input",
  },
  SITE_OWNER_MOVED: {
    text: "the state of {name} belongs to {owner}, this stack is {asks}",
    remedy:
      "Nothing is changed or deleted for a copied stack: use the one that declared it. If this one was renamed, hand everything over with `npx pulumi-baremetal owner move {owner} {asks}`.",
    fault: "input",
  },
  SITE_OWNER_UNKNOWN: {
    text: "nothing on this site belongs to {owner}; its owners are: {owners}",
    remedy: "Write the old owner as ORGANIZATION/PROJECT/STACK, as it is listed here.",
    fault: "input",
  },
  SITE_BUSY: {
    text: "the site is busy with {jobs}",
    remedy:
      "Nothing was changed. Wait until that is done, or end it with `npx pulumi-baremetal instances abort NAME`; then run the command again.",
    fault: "site",
    retry: true,
  },
  SITE_DRAINING: {
    text: "the deploy helper is being drained, and does not begin with {name}",
    remedy:
      "Nothing was touched. Run the command again when its successor serves; `npx pulumi-baremetal drain --end` has this one begin again.",
    fault: "site",
    retry: true,
  },
  TOKEN_SCOPE: {
    text: "the token {name} is of scope {scope}, and it takes {needed} {what}",
    remedy:
      "Nothing was done. Use a token of that scope; `npx pulumi-baremetal tokens add` makes one on the service's host.",
    fault: "input",
  },
  TOKEN_OWNER: {
    text: "the token {name} is for what belongs to {pattern}, and not for {what}",
    remedy:
      "Nothing was done. Use the token of this stack; `npx pulumi-baremetal tokens add` makes one on the service's host.",
    fault: "input",
  },
  TOKEN_ADMIN_OWNER: {
    text: "the token {name} cannot be of scope admin for {owner} alone",
    remedy:
      "An admin has the whole site, records and passwords of all owners: say `--owner '*/*'`, or give it the scope deploy.",
    fault: "input",
  },
  TOKEN_NAME_TAKEN: {
    text: "there is a token {name} already",
    remedy: "Choose another name, or remove that one first with `npx pulumi-baremetal tokens remove {name}`.",
    fault: "input",
  },
  TOKEN_UNKNOWN_NAME: {
    text: "there is no token {name}; there are: {names}",
    remedy: "Name one of those; `npx pulumi-baremetal tokens list` tells more of them.",
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
  INSTANCE_NETWORK_CARD: {
    text: "`networks` of instance {instance} names the Interface {card}, which is no card of {node}",
    remedy: "Name an Interface of that node, or say the card by its `mac`.",
    fault: "input",
  },
  INSTANCE_VOLUME_NO_ROOM: {
    text: "the disk of node {node} is declared with {has}, and has no room for the configuration volume of instance {instance} behind the flavor's partitions: {missing} are missing",
    remedy:
      "Give the flavor a smaller `rootDisk`, `swap` or `ephemeral`, or the instance a node with a larger disk.",
    fault: "input",
  },
  INSTANCE_FILES_WHOLE_DISK: {
    text: "instance {instance} is to be configured by files, and its image {image} is a whole-disk image: files are laid into partition images alone",
    remedy: 'Use a partition image, or an image with cloud-init and `configureBy: "cloud-init"`.',
    fault: "input",
  },
  SITE_UNKNOWN_REFERENCE: {
    text: "there is no {kind} {name} on this site",
    remedy:
      "In a program, pass the resource itself rather than its name, so that it is made first; the command line's `list` shows what there is.",
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
  INSTANCE_INTERRUPTED: {
    text: "{instance} was interrupted while writing the disk of {node}",
    remedy:
      "It is kept from all others: the next `pulumi up` writes it again, and a delete of the instance frees it.",
    fault: "site",
  },
  SITE_ABORTED: {
    text: "{name} was aborted",
    remedy: "The server is off and its boot files are withdrawn; the next `pulumi up` begins again.",
    fault: "site",
  },
  SITE_TOO_MANY_FAILURES: {
    text: "{failures} deployments failed in a row, so {instance} was not begun",
    remedy:
      "Its server was not touched. Mend what the failures name and run `pulumi up` again; `maxFailures` of `baremetal:site` sets the number.",
    fault: "site",
  },
  NODE_HELD: {
    text: "{fields} of node {node} cannot change while instance {instance} is on it",
    remedy: "Delete the instance first, or undo the change.",
    fault: "input",
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
      "Correct `power`: two servers behind one controller, or one outlet of it, would be switched together.",
    fault: "input",
  },
  NODE_MAC_TAKEN: {
    text: "the MAC {mac} is a card of node {other} already",
    remedy:
      "A network card sits in one server: correct `mac` here, or `inspect.mac` or the Interface of the other node.",
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
    text: "this site has no record of instance {instance}, which the state says is installed on {node}, and the program changes what is installed",
    remedy:
      "Nothing was touched. Undo the change and run `pulumi up`: that enrols it again as it is; then make the change.",
    fault: "site",
  },
  INSTANCE_ADOPT_POWER: {
    text: "node {node} is {seen}, and instance {instance}, which takes it over, is declared {wanted}",
    remedy:
      "Nothing was switched. Set `power` to what the server is, or switch it yourself; then run `pulumi up` again.",
    fault: "input",
  },
  INSTANCE_ADOPT_UNCLEAN: {
    text: "instance {instance} is to take over node {node}, on which instance {earlier} of {owner} left its data",
    remedy:
      'Nothing was touched. Install it instead, which cleans it first; or, if its new owner may have what is there, set `clean: "none"` on the Node.',
    fault: "input",
  },
  IMAGE_NOT_AS_PLANNED: {
    text: "the image at {source} is not the one that the preview looked at",
    remedy: "Nothing was written. Run `pulumi up` again: it plans with the image as it is now.",
    fault: "image",
  },
  INSTANCE_NO_NODE: {
    text: "no node fits instance {instance}: {reasons}",
    remedy:
      "Change the flavor, offer another node, or mend what the reasons name. A resource that was only renamed keeps its server by an alias, or by `name`.",
    fault: "input",
  },
});
