import { defineErrors } from "../kernel/errors.ts";

export const workflowErrors = defineErrors({
  DEPLOY_RUNNING_SERVER: {
    text: "node {node} is switched on, and not by this site",
    remedy:
      "Nothing was touched. If nobody needs what runs there, switch it off, or set `provide: true` on the Node.",
    fault: "input",
  },
  DEPLOY_MAINTENANCE: {
    text: "node {node} is in maintenance",
    remedy:
      "Nothing was touched. When the work on it is done, set `maintenance: false` on the Node or, if it was begun on the command line, `pulumi-baremetal nodes maintenance {node} --off`.",
    fault: "input",
  },
  DEPLOY_RAMDISK_FAILED: {
    text: "the deploy ramdisk on node {node} reports: {report}",
    remedy: "Mend what it names; its log is in the helper's log. Then run `pulumi up` again.",
    fault: "node",
  },
  DEPLOY_OTHER_MACHINE: {
    text: "the server that called back for node {node} is another one: its {what} is {seen}, expected is {expected}",
    remedy:
      "Nothing was written. If the hardware was exchanged on purpose, correct the Node's `identity` and its Interfaces.",
    fault: "node",
  },
  DEPLOY_OTHER_FIRMWARE: {
    text: "node {node} is declared `bootMode: {declared}`, but its firmware starts by {seen}",
    remedy:
      "Nothing was written. Correct `bootMode` on the Node, or set the server's firmware to that mode alone; the controller was asked for it, and not all firmware obeys.",
    fault: "input",
  },
  DEPLOY_OTHER_ARCH: {
    text: "node {node} is declared `arch: {declared}`, but its firmware asks for the boot loader of {seen}",
    remedy:
      "Nothing was written. Correct `arch` on the Node; or its Interfaces, if this card is another server's.",
    fault: "input",
  },
  DEPLOY_NO_DISK: {
    text: "node {node} offers no disk to install on: {seen}",
    remedy:
      "Check the disks and the `rootDeviceHints`. Disks under 4 GiB, removable, USB and remote ones never qualify.",
    fault: "node",
  },
  DEPLOY_DISK_AMBIGUOUS: {
    text: "{count} disks of node {node} could be meant: {seen}",
    remedy:
      "Nothing was written. Say which is meant by `rootDeviceHints`, best by `serial` or `wwn`; output `disks` of the Node tells them.",
    fault: "input",
  },
  DEPLOY_DISK_NOT_BLANK: {
    text: "disk {disk} of node {node} holds {holds}, which this site did not write",
    remedy: "Nothing was written. If it may be erased, set `wipe: true` on the Instance.",
    fault: "input",
  },
  DEPLOY_DISK_OF_OTHER: {
    text: "disk {disk} of node {node} holds the system of instance {instance}, which was installed on node {other}",
    remedy:
      "Nothing was written. Put the disk back into its server, or delete that instance first; `wipe: true` does not open it.",
    fault: "input",
  },
  DEPLOY_DISK_UNTOLD: {
    text: "the classic ramdisk of node {node} does not tell what its disk holds",
    remedy:
      "Nothing was written. If whatever it holds may be erased, set `wipe: true` on the Instance; our own ramdisk tells it.",
    fault: "input",
  },
  DEPLOY_OTHER_DISK_BOOTS: {
    text: "disk {disk} of node {node} holds {holds} and comes before the chosen disk {chosen}: the server could boot it instead",
    remedy:
      "Nothing was written. Take it out or erase it, or set `wipe: true` to go on all the same; it is not erased.",
    fault: "input",
  },
  DEPLOY_NO_CALL: {
    text: "the deploy ramdisk of node {node} has not called within {limit}: {seen}",
    remedy:
      "Look at the server's console. Without a DHCP request it did not boot from the network, or from another card or VLAN than the Interface says; without a file UDP port 69 of this host is blocked; without a call TCP port 10000 is, or the ramdisk does not know the card. Raise `timeouts.callback` if it only needs longer.",
    fault: "node",
  },
  DEPLOY_ROOT_DAMAGED: {
    text: "the root file system that was written to node {node} is damaged, and was not grown: {report}",
    remedy:
      'It lies on the disk as it lies in the image: mend the image (`e2fsck -f`), or set `grow: "none"` on the Instance to boot it as it is.',
    fault: "image",
  },
  DEPLOY_GROWTH_CUT_OFF: {
    text: "node {node} was switched or booted again while its root file system was grown",
    remedy: "What is on its disk may be in pieces. Run `pulumi up` again: the image is written anew.",
    fault: "node",
  },
  VISIT_RUNNING_SERVER: {
    text: "node {node} is switched on, and not by this site, so the ramdisk cannot be booted to {what} it",
    remedy:
      "Nothing was touched. If nobody needs what runs there, switch it off; to be cleaned it may also be offered by `provide: true` on the Node.",
    fault: "input",
  },
  VISIT_REFUSED: {
    text: "node {node} cannot be booted to {what} it: {why}",
    remedy:
      "Nothing was touched. A node is inspected or rehearsed while it is free, off, and has a card to boot from: an Interface, or the one of its `inspect`. One that was inspected already keeps what was found.",
    fault: "input",
  },
  INSPECT_FAILED: {
    text: "the look at node {node} failed; its ramdisk reports: {report}",
    remedy: "Nothing was written, and the server is off. Mend what it names; then ask again.",
    fault: "node",
  },
  RESCUE_REFUSED: {
    text: "node {node} cannot be rescued: {why}",
    remedy:
      "Nothing was touched. Rescued is a server with an installed system of this site; `pulumi-baremetal nodes show {node}` tells where it stands.",
    fault: "input",
  },
  RESCUE_RUNNING_SYSTEM: {
    text: "node {node} is switched on, and instance {instance} runs there",
    remedy:
      "Nothing was touched. With `--power-off` the system is asked to shut down, and switched off if it does not.",
    fault: "input",
  },
  RESCUE_BAD_KEY: {
    text: "the key to rescue with cannot be taken. {why}",
    remedy:
      "Nothing was touched. Give a public key by `--key`, as in `~/.ssh/id_ed25519.pub`; `ssh-keygen -t ed25519` makes one.",
    fault: "input",
  },
  RESCUE_FAILED: {
    text: "node {node} did not come into its rescue; its ramdisk reports: {report}",
    remedy:
      "No disk was touched, and the server is off. Ask again, or boot its system by `pulumi-baremetal nodes unrescue {node}`.",
    fault: "node",
  },
  RESCUE_UNDER_WAY: {
    text: "node {node} of instance {instance} is in a rescue ({state})",
    remedy:
      "Nothing was touched. Whoever rescues it ends that by `pulumi-baremetal nodes unrescue {node}`, which boots its system again; then ask again.",
    fault: "input",
  },
  CLEAN_DISK_UNKNOWN: {
    text: "node {node} is to be cleaned of instance {instance} of {owner}, and which disk that used is not known: it was adopted, or its ramdisk did not tell",
    remedy:
      'Nothing was erased. Erase the disks yourself, or accept what is on them; then set `clean: "none"` on the Node, or `onDelete: "off"` on the Instance.',
    fault: "input",
  },
  CLEAN_DISK_MISSING: {
    text: "disk {disk}, which node {node} is to be cleaned of, is not in the server; seen are: {seen}",
    remedy:
      'Nothing was erased. Put the disk back. If it is gone for good, set `clean: "none"` on the Node, or `onDelete: "off"` on the Instance.',
    fault: "node",
  },
  CLEAN_DISK_UNFIT: {
    text: "disk {disk} of node {node} is never erased: {why}",
    remedy:
      'Nothing was erased: remote, removable and read-only disks may be somebody else\'s. Erase it yourself; then set `clean: "none"` on the Node, or `onDelete: "off"` on the Instance.',
    fault: "node",
  },
  CLEAN_NOT_SECURE: {
    text: "disk {disk} of node {node} cannot erase itself: {why}",
    remedy:
      "Nothing was erased. Virtual disks and drives behind most RAID controllers know no such command. Set `clean` of the Node to `full`, which overwrites all that the disk shows, or to `discard` or `metadata`.",
    fault: "input",
  },
  CLEAN_DISK_FROZEN: {
    text: "disk {disk} of node {node} is frozen: its firmware forbids security commands until the drive loses power",
    remedy:
      "Nothing was erased. Most firmware does so at each start. Switch it off in the firmware's settings (security freeze lock), or pull the drive and plug it in again while the ramdisk looks for it, or set another `clean` on the Node.",
    fault: "node",
  },
  CLEAN_DISK_LOCKED: {
    text: "disk {disk} of node {node} is locked with an ATA password that this site did not set",
    remedy:
      "Nothing was erased. Take the password off with whoever set it (`hdparm --security-disable`), or exchange the drive.",
    fault: "node",
  },
  CLEAN_FAILED: {
    text: "cleaning node {node} failed; its ramdisk reports: {report}",
    remedy:
      "The node is set aside, and given to nobody. Mend what it names, or set another `clean` on the Node; the next delete, or after `pulumi-baremetal nodes reset {node}` the next claim, cleans again.",
    fault: "node",
  },
  CLEAN_STALLED: {
    text: "disk {disk} of node {node} has stood at {done} of {all} for {limit} while it was cleaned",
    remedy:
      "Look at the server's console, and at the disk's health: it is probably dying. The node is set aside, and given to nobody.",
    fault: "node",
  },
  DEPLOY_NO_ANSWER: {
    text: "the system on node {node} does not answer on {probe} within {limit}: {seen}",
    remedy:
      "The disk is written and the server is on. Look at its console; the next `pulumi up` waits again and writes nothing.",
    fault: "image",
  },
  DEPLOY_RAMDISK_AGAIN: {
    text: "node {node} came up in the deploy ramdisk again after its disk was written, so that its system has not answered within {limit}: {seen}",
    remedy:
      "The disk is written, and nothing writes it again. Its menu leads to the system: it was given another one, by another TFTP server or from a cache. Look who answers DHCP and TFTP on that network, power the server off and on, and run `pulumi up`, which waits again.",
    fault: "site",
  },
  DEPLOY_NETWORK_AGAIN: {
    text: "node {node} booted from the network again instead of from its disk, and its system has not answered within {limit}: {seen}",
    remedy:
      "The disk is written and the server is on. Its firmware found nothing to start on the disk: by UEFI the image has to bring `EFI/BOOT/BOOTX64.EFI` (arm64: `BOOTAA64.EFI`) on its EFI system partition, by BIOS boot code (`images inspect` tells what it has). Or it tries the network first, whatever its controller was told: put the disk before the network in the firmware's boot order. The next `pulumi up` waits again and writes nothing.",
    fault: "image",
  },
  DEPLOY_NOTHING_STARTS: {
    text: "nothing at all was seen on the network of node {node}, which starts by UEFI, since its disk was written, and its system has not answered within {limit}: {seen}",
    remedy:
      "The disk is written and the server is on. Look at its console. In the firmware's shell or menu it has found nothing to start: the image has to bring `EFI/BOOT/BOOTX64.EFI` (arm64: `BOOTAA64.EFI`) on its EFI system partition, or an entry of the firmware has to name its boot loader; put the disk first in the boot order. A system that starts and asks for no address needs a fixed one on its Interface. The next `pulumi up` waits again and writes nothing.",
    fault: "image",
  },
  DEPLOY_NO_PHONE_HOME: {
    text: "the system on node {node} has not phoned home within {limit}: {seen}",
    remedy:
      "The disk is written and the server is on. cloud-init phones at the end of its first boot, over the provisioning network, and no preview can tell whether an image has cloud-init: look at the console and at /var/log/cloud-init.log. The next `pulumi up` waits again and writes nothing; `cloud-init single --name phone_home --frequency always` in the system calls again, another `waitFor` waits for something else.",
    fault: "image",
  },
  DEPLOY_CANNOT_PHONE_HOME: {
    text: "the system on node {node} was written without being told to phone home",
    remedy:
      "The server is on. Set `waitFor` to what it answers on: `ssh`, `ping` or a port. It is told to phone home when it is installed the next time.",
    fault: "input",
  },
  DEPLOY_OTHER_ANSWERS: {
    text: "{address} answers, but with the MAC {seen}, which is not one of node {node}",
    remedy: "Another machine has this address: give the Interface another one, or remove the other machine.",
    fault: "site",
  },
  HOST_UNWRITABLE: {
    text: "the deploy helper cannot write on its own host: {reason}",
    remedy:
      "Nothing of the server is at fault. Make room on the disk that is named (`df`), or look why it cannot be written (`dmesg`), and run `pulumi up` again.",
    fault: "host",
  },
});
