// What is compared is what models make of the same test pictures.
import { fail } from "../base/errors.ts";
import { fingerprintDifferences } from "../data/dataset.ts";

/**
 * @param first the fingerprint of the data of the first cell of a comparison
 * @param one that of another one
 * @param model its model
 * @throws `E_RUN_CONFLICT` where the test parts differ
 */
export function refuseOtherTest(first: string, one: string, model: string): void {
  const differences = fingerprintDifferences(first, one, ["test"]);
  if (differences.length > 0)
    fail(
      "E_RUN_CONFLICT",
      `the source has changed since the first run of the comparison, and ${model} would be tested on other pictures: ${differences.join("; ")}; compare anew, with another --out`,
    );
}
