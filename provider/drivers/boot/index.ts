export { openPxelinux } from "./pxelinux.ts";
