// Changes of colour: brightness, contrast, saturation and hue, as one linear map of the values of each pixel.
import { type PictureShape, toByte } from "../picture.ts";
import { applyCurve, curve } from "./curves.ts";

/** Amounts of a change of colour; those left out are not changed. */
export interface Recolouring {
  /** Factor of all values. */
  readonly brightness?: number;
  /** Factor of the differences from the mean of all values. */
  readonly contrast?: number;
  /** Factor of the differences from grey; for colour alone. */
  readonly saturation?: number;
  /** Turn of the colour circle, radians; for colour alone. */
  readonly hue?: number;
}

/** Changes the colours of a picture `[h, w, c]`, in place. */
export function recolour(picture: Uint8Array, { channels }: PictureShape, amounts: Recolouring): void {
  const { brightness = 1, contrast = 1, saturation = 1, hue = 0 } = amounts;
  let mean = 0;
  for (let i = 0; i < picture.length; i++) mean += picture[i]!;
  mean = (mean / picture.length) * brightness;
  if (channels !== 3 || (saturation === 1 && hue === 0)) {
    const level = (value: number) => (value * brightness - mean) * contrast + mean;
    applyCurve(
      picture,
      curve((value) => toByte(level(value))),
    );
    return;
  }
  const scale = brightness * contrast;
  const grey = mean * (1 - contrast);
  const [red, green, blue] = turn(saturation * Math.cos(hue), saturation * Math.sin(hue));
  for (let i = 0; i < picture.length; i += 3) {
    const [r, g, b] = [scale * picture[i]!, scale * picture[i + 1]!, scale * picture[i + 2]!];
    picture[i] = toByte(red[0] * r + red[1] * g + red[2] * b + grey);
    picture[i + 1] = toByte(green[0] * r + green[1] * g + green[2] * b + grey);
    picture[i + 2] = toByte(blue[0] * r + blue[1] * g + blue[2] * b + grey);
  }
}

type Triple = readonly [number, number, number];

/** Luma and the two axes of colour of the YIQ system (NTSC, FCC 1953) from red, green and blue. */
const Y: Triple = [0.299, 0.587, 0.114];
const I: Triple = [0.5959, -0.2746, -0.3213];
const Q: Triple = [0.2115, -0.5227, 0.3112];

/** The matrix that turns the colour plane about the grey axis, by an angle and factor given as their cosine and sine. */
function turn(cos: number, sin: number): readonly [red: Triple, green: Triple, blue: Triple] {
  const row = (i: number, q: number): Triple => {
    const of = (k: 0 | 1 | 2) => Y[k] + i * (cos * I[k] - sin * Q[k]) + q * (sin * I[k] + cos * Q[k]);
    return [of(0), of(1), of(2)];
  };
  return [row(0.956, 0.619), row(-0.272, -0.647), row(-1.106, 1.703)];
}
