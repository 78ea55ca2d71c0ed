import { tmpdir } from "node:os";
import type { WriteDriver } from "./driver.ts";
import { type IscsiPushSettings, iscsiPush } from "./iscsi-push.ts";

/** Open the driver that writes a disk over iSCSI. Does no I/O; temporary files go to the system's own place unless told. */
export const openIscsiPush = (settings: Partial<IscsiPushSettings> = {}): WriteDriver =>
  iscsiPush({ scratch: settings.scratch ?? tmpdir() });
