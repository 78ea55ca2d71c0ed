import { buildTestImages, imageCache } from "./index.ts";

// `tsx tools/images/main.ts [FOLDER] [RELEASE]` builds the test images into a cache folder and tells where they are.
const [, , folder = imageCache(), release] = process.argv;
console.log(JSON.stringify(await buildTestImages(folder, release), null, 2));
