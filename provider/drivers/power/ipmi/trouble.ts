/** What an ipmitool command can fail by. */
export type Code =
  | "POWER_UNREACHABLE"
  | "POWER_DENIED"
  | "POWER_KG"
  | "POWER_NOT_ALLOWED"
  | "POWER_CIPHER"
  | "POWER_NO_SESSION"
  | "POWER_LATE"
  | "POWER_PACKET_LOSS"
  | "POWER_BUSY"
  | "POWER_ODD_REPLY";
/** Why an ipmitool command failed. */
export interface Trouble {
  readonly code: Code;
  readonly reason: string;
}
