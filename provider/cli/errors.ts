import { defineErrors } from "../kernel/errors.ts";

/** What stands in the way of a command before any site is asked. */
export const cliErrors = defineErrors({
  IMPORT_UNREADABLE: {
    text: "the list of servers {file} cannot be read: {reason}",
    remedy: "Name a file that ends with .csv, .yaml, .yml or .json.",
    fault: "input",
  },
  IMPORT_FAULTY: {
    text: "of the list of servers {file} no program was printed, because of what is told above ({count})",
    remedy: "Correct it and run the command again; `nodes import --help` tells the columns.",
    fault: "input",
  },
  BACKUP_ELSEWHERE: {
    text: "the backup would be made on the host of the site, {host}, where the relative path {folder} means nothing",
    remedy: "Nothing was copied. Give the absolute path of a folder on that host; fetch the copy from there.",
    fault: "input",
  },
  KEY_UNREADABLE: {
    text: "no public SSH key can be read from {files}: {reason}",
    remedy: "Name the file of yours with `--key`; `ssh-keygen -t ed25519` makes one.",
    fault: "input",
  },
  PORT_FAULTY: {
    text: '"{text}" is no port',
    remedy: "Give a whole number from 1 to 65535.",
    fault: "input",
  },
});
