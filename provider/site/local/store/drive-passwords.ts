import type { Db } from "./open.ts";
import type { Seal } from "./seal.ts";

/**
 * Passwords under which drives erase themselves, one a node. A drive whose power goes in between stays locked: so it is
 * kept until the drives are known to be erased, whatever becomes of the visit.
 */
export interface DrivePasswords {
  readonly drivePassword: (node: string) => Promise<string | undefined>;
  readonly keepDrivePassword: (node: string, password: string) => Promise<void>;
  readonly forgetDrivePassword: (node: string) => Promise<void>;
}

export function openDrivePasswords(db: Db, seal: Seal): DrivePasswords {
  return {
    async drivePassword(node) {
      const query = db.selectFrom("drive_passwords").select("password").where("node", "=", node);
      const row = await query.executeTakeFirst();
      return row && seal.open(row.password);
    },
    async keepDrivePassword(node, password) {
      const row = { node, password: seal.close(password), at: new Date().toISOString() };
      await db.insertInto("drive_passwords").values(row).execute();
    },
    async forgetDrivePassword(node) {
      await db.deleteFrom("drive_passwords").where("node", "=", node).execute();
    },
  };
}
