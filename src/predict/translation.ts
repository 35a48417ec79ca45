// Translation to another class as a head of models that keep class and style apart: the style is read off the picture under
// the class that the model takes it for, and drawn with the class that is asked for (Kingma et al. 2014, section 4.2).
import { type Head, type Heads, head } from "../models/heads.ts";
import { askedOf } from "./statistics.ts";

/**
 * The head `translate` (picture, label -> picture) of a model with these heads, if it follows from them: it decodes with a class,
 * and encodes without one, or with the one that it answers.
 */
export function translationOf(heads: Heads): Head | undefined {
  const { encode, decode, classify, translate } = heads;
  const canEncode = encode && (classify || !encode.takes.includes("label"));
  if (translate || !canEncode || !decode?.takes.includes("label")) return undefined;
  return head(["picture", "label"], "picture", (scope, { picture, label, n }) => {
    const latent = askedOf(heads, scope, picture).ask("encode");
    return decode.build(scope, { picture, second: picture, latent, label, n });
  });
}
