// Uploads a file by tus-js-client, as an application in Node would:
//   node tus.mjs ENDPOINT FILE NAME
// and prints how often the client tried again.
import { createReadStream, statSync } from "node:fs";
import * as tus from "tus-js-client";

const [endpoint, file, name] = process.argv.slice(2);
let retries = 0;
const upload = new tus.Upload(createReadStream(file), {
  endpoint,
  uploadSize: statSync(file).size,
  chunkSize: 256 * 1024,
  metadata: { filename: name },
  retryDelays: Array(200).fill(50),
  onShouldRetry: (error) => {
    retries++;
    const status = error.originalResponse?.getStatus() ?? 0;
    return status === 0 || status >= 500 || status === 409 || status === 423;
  },
  onError: (error) => {
    console.error(String(error));
    process.exit(1);
  },
  onSuccess: () => console.log(JSON.stringify({ retries, url: upload.url })),
});
upload.start();
