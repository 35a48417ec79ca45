// Loads model.onnx and answers about the picture that is chosen.
import { ExportedClassifier, picturePixels, webBackend } from "genclass/web";

const [input, output] = [document.querySelector("input"), document.querySelector("output")];
const answer = await fetch("./model.onnx");
if (!answer.ok) throw new Error(`model.onnx: HTTP ${answer.status}`);
const model = await ExportedClassifier.load(new Uint8Array(await answer.arrayBuffer()), webBackend());
output.textContent = `knows ${model.classes.join(", ")}`;
input.disabled = false;
input.addEventListener("change", async () => {
  try {
    const [{ label, probability }] = await model.classify(await picturePixels([input.files[0]], model.spec));
    output.textContent = `${label}: ${(100 * probability).toFixed(1)} %`;
  } catch (error) {
    output.textContent = error.message;
  }
});
