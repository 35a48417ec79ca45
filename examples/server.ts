// A classifier as an HTTP server, from the exported file alone: server.ts model.onnx [PORT]
//   curl --data-binary @cat.jpg http://127.0.0.1:8080/
import { existsSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { ExportedClassifier, nativeBackend } from "genclass/node";
import sharp from "sharp";

const [file, port = "8080"] = process.argv.slice(2);
if (!file || !existsSync(file) || !/^\d{1,5}$/.test(port) || Number(port) > 65535) {
  console.error("usage: server.ts MODEL.onnx [PORT], a file that there is and a number up to 65535");
  process.exit(2);
}
const model = await ExportedClassifier.load(readFileSync(file), nativeBackend());
const { height, width, channels } = model.spec;
const MOST_BYTES = 20e6;

/** The body of a request, unless it is too long. */
async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > MOST_BYTES) throw new Error(`more than ${MOST_BYTES / 1e6} MB`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** A picture file as the metadata of the model, `preprocessing`, asks for it. */
const pixelsOf = (picture: Buffer): Promise<Uint8Array> =>
  sharp(picture, { limitInputPixels: 50e6 })
    .autoOrient()
    .flatten({ background: "white" })
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .resize(width, height, { fit: "fill" })
    .raw()
    .toBuffer();

const server = createServer(async (request, response) => {
  const answer = (status: number, body: unknown) =>
    response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
  if (request.method !== "POST") return answer(405, { error: "POST the bytes of a picture" });
  try {
    const [prediction] = await model.classify(await pixelsOf(await bodyOf(request)));
    answer(200, prediction);
  } catch (error) {
    answer(400, { error: (error as Error).message });
  }
});
server.on("error", ({ message }) => {
  console.error(`${message}; choose another port: server.ts MODEL.onnx PORT`);
  process.exit(1);
});
// On this machine alone; put it behind a proxy to serve others.
server.listen(Number(port), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/ knows ${model.classes.join(", ")}`);
});
