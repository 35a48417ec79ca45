// The grey level of a colour, the same in Node, where the picture library decodes, and in a browser.

/** Light of each of the 256 levels of sRGB, 0..1 (IEC 61966-2-1). */
const LIGHT = Float64Array.from({ length: 256 }, (_, level) => {
  const share = level / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
});

/**
 * The level of the grey that is as bright as a colour: the luminance of Rec. 709, of light and not of levels, as the picture library
 * has it.
 * @param red levels 0..255, as `green` and `blue`
 * @returns a level 0..255, whole
 */
export function greyLevel(red: number, green: number, blue: number): number {
  const light = 0.2126 * LIGHT[red]! + 0.7152 * LIGHT[green]! + 0.0722 * LIGHT[blue]!;
  return Math.round(255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055));
}
