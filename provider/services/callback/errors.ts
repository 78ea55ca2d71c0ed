import { defineErrors } from "../../kernel/errors.ts";

/** What can go wrong between the deploy helper and a server's ramdisk. */
export const callbackErrors = defineErrors({
  CALLBACK_PORT_TAKEN: {
    text: "the call-back cannot listen on {where}: {program} is listening there already",
    remedy:
      "Stop that program, or choose another port for the call-back; ramdisks of the Nova kind know only port 10000.",
    fault: "host",
  },
  CALLBACK_CANNOT_LISTEN: {
    text: "the call-back cannot listen on {where}: {reason}",
    remedy: "Give the site an address of this host's provisioning interface, and a port above 1023.",
    fault: "host",
  },
  CALLBACK_NO_LISTENER: {
    text: "the ramdisk at {where} did not take the word {word}, asked {tries} times: {reason}",
    remedy:
      "Look at the server's console. After a write the image is on the disk: power the server off and on to start the system.",
    fault: "node",
  },
});
