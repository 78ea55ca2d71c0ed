import { tell } from "./lib/story.ts";
import { foreignDisk } from "./plan/disks.ts";
import { filesChanged, pulled } from "./plan/drift.ts";
import { moved, running, swapped } from "./plan/others.ts";
import { cutByHand, imageChange, rootChange, undone } from "./plan/reinstall.ts";
import { adopted, lost } from "./plan/taken.ts";

// What a plan says of servers of QEMU, what is refused and allowed, and that what is done is what was said.
// `npm run story -- plan [WORD…]` tells those with a word.
await tell(process.argv.slice(2), function* (stage) {
  yield ["an image change: refused, allowed, done, the ephemeral partition kept", () => imageChange(stage)];
  yield ["another size of the root partition", () => rootChange(stage)];
  yield ["a reinstall that failed before its first byte and is undone", () => undone(stage)];
  yield ["a disk cut anew by hand, whose ephemeral partition was to be kept", () => cutByHand(stage)];
  yield ["power pulled by hand", () => pulled(stage)];
  yield ["boot menu and DHCP entry changed by hand", () => filesChanged(stage)];
  yield ["another controller, another machine", () => swapped(stage)];
  yield ["a server that somebody uses", () => running(stage)];
  yield ["a disk that another system has used", () => foreignDisk(stage)];
  yield ["a disk that moved from server to server", () => moved(stage)];
  yield ["a server that runs is adopted", () => adopted(stage)];
  yield ["everything the site remembers is lost", () => lost(stage)];
});
