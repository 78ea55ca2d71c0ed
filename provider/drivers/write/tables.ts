import type { DiskLayout } from "./driver.ts";
import type { TableKind } from "./table.ts";
import { gptTable } from "./table-gpt.ts";
import { mbrTable } from "./table-mbr.ts";

/** Nova's table, unless the layout asks for the other one. */
export const tableFor = ({ label }: Pick<DiskLayout, "label">): TableKind =>
  label === "gpt" ? gptTable : mbrTable;
