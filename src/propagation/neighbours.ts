// Nearest neighbours of points among themselves, by an inverted file: points are listed by the nearest of some centres, the lists
// of the centres nearest to a point are searched, and the triangle inequality rules out parts of these (Jégou et al. 2011,
// Product Quantization for Nearest Neighbor Search, section IV, without the quantization).
import { Random } from "../random/random.ts";
import { BLOCK, Nearest } from "./nearest.ts";

/** The nearest neighbours of each of `n` points, `k` of each, nearest first; a point is not its own. */
export interface Neighbours {
  readonly n: number;
  readonly k: number;
  /** Numbers of the neighbours, `[n, k]`; -1 where fewer were found. */
  readonly index: Int32Array;
  /** Squared distances to them, `[n, k]`; infinite where fewer were found. */
  readonly squared: Float32Array;
}

/** Rounds of Lloyd's algorithm that place the centres. */
const ROUNDS = 4;
/** Points for each centre that these look at. */
const SAMPLED = 32;
/** Lists that are searched for each point: of two sets of 54,000 codes of digits, 97 and 99 % of the neighbours are found. */
const PROBES = 8;

/**
 * The nearest neighbours of each point by Euclidean distance; some may be missed where n is in the thousands. A point that has NaN
 * in it is nobody's neighbour and has none; nor has one whose squared distances are beyond float32.
 * @param points `[n, width]`
 * @param most how many of each point; fewer where there are not so many others
 * @throws `E_BACKEND` where the process may not have memory for the points once more
 */
export function nearestNeighbours(points: Float32Array, width: number, most: number): Neighbours {
  const n = points.length / width;
  const k = Math.max(0, Math.min(most, n - 1));
  const index = new Int32Array(n * k).fill(-1);
  const squared = new Float32Array(n * k).fill(Number.POSITIVE_INFINITY);
  if (k === 0) return { n, k, index, squared };
  const near = nearestCentres(points, width, Math.ceil(Math.sqrt(n)));
  const lists = listByCentre(near);
  const search = new Search(points, width, k, near, lists);
  // Points of a list look at the same lists: these stay in the cache.
  for (const [place, point] of lists.points.entries()) {
    if (point < 0) continue;
    const found = search.run(place, point);
    squared.set(found.squared, point * k);
    for (let j = 0; j < k && found.squared[j]! < Number.POSITIVE_INFINITY; j++)
      index[point * k + j] = lists.points[found.places[j]!]!;
  }
  return { n, k, index, squared };
}

/** The centres nearest to each point, nearest first. */
interface NearCentres {
  readonly count: number;
  /** How many of each point. */
  readonly probes: number;
  /** Their numbers, `[n, probes]`. */
  readonly index: Int32Array;
  /** The distances to them, `[n, probes]`. */
  readonly distance: Float32Array;
}

/** Places centres among points, by Lloyd's algorithm on some of them. */
function nearestCentres(points: Float32Array, width: number, count: number): NearCentres {
  const n = points.length / width;
  const probes = Math.min(PROBES, count);
  const nearest = new Nearest(count, width, probes);
  // A centre that is not a number would be nobody's.
  const isNumber = (i: number) => points.subarray(i * width, (i + 1) * width).every(Number.isFinite);
  const sample = new Random(0, "centres")
    .permutation(n)
    .filter(isNumber)
    .subarray(0, count * SAMPLED);
  for (let c = 0; c < Math.min(count, sample.length); c++) nearest.put(c, points, sample[c]!);
  for (let round = 0; round < ROUNDS; round++) moveCentres(points, width, sample, nearest, count);
  const index = new Int32Array(n * probes);
  const distance = new Float32Array(n * probes);
  for (let i = 0; i < n; i++) {
    nearest.ask(points, i);
    nearest.search(0, count);
    index.set(nearest.places, i * probes);
    for (let j = 0; j < probes; j++) distance[i * probes + j] = Math.sqrt(nearest.squared[j]!);
  }
  return { count, probes, index, distance };
}

function moveCentres(points: Float32Array, width: number, sample: Int32Array, centres: Nearest, count: number): void {
  const sums = new Float64Array(count * width);
  const counts = new Int32Array(count);
  for (const i of sample) {
    centres.ask(points, i);
    centres.search(0, count);
    if (centres.squared[0] === Number.POSITIVE_INFINITY) continue;
    const centre = centres.places[0]!;
    counts[centre]!++;
    for (let d = 0; d < width; d++) sums[centre * width + d]! += points[i * width + d]!;
  }
  const means = Float32Array.from(sums, (sum, at) => sum / counts[Math.floor(at / width)]!);
  // A centre without points stays where it is.
  for (let c = 0; c < count; c++) if (counts[c]! > 0) centres.put(c, means, c);
}

/** Points by the nearest centre, each list from its centre outwards, at the places of whole blocks. */
interface Lists {
  /** Where the list of each centre begins, `[centres]`. */
  readonly starts: Int32Array;
  /** Where it ends. */
  readonly ends: Int32Array;
  /** Numbers of the points by place; -1 where there is none. */
  readonly points: Int32Array;
  /** Distance of each from its centre, by place. */
  readonly radius: Float32Array;
}

function listByCentre({ count, probes, index, distance }: NearCentres): Lists {
  const n = index.length / probes;
  const centre = (i: number) => index[i * probes]!;
  const away = (i: number) => distance[i * probes]!;
  const order = Int32Array.from({ length: n }, (_, i) => i).sort(
    (a, b) => centre(a) - centre(b) || away(a) - away(b) || a - b,
  );
  const sizes = new Int32Array(count);
  for (const i of order) sizes[centre(i)]!++;
  const starts = new Int32Array(count);
  for (let c = 1; c < count; c++) starts[c] = starts[c - 1]! + BLOCK * Math.ceil(sizes[c - 1]! / BLOCK);
  const ends = starts.slice();
  const room = starts[count - 1]! + BLOCK * Math.ceil(sizes[count - 1]! / BLOCK);
  const points = new Int32Array(room).fill(-1);
  const radius = new Float32Array(room);
  for (const i of order) {
    const place = ends[centre(i)]!++;
    points[place] = i;
    radius[place] = away(i);
  }
  return { starts, ends, points, radius };
}

/** The search for the neighbours of one point after another. */
class Search {
  private readonly nearest: Nearest;

  constructor(
    private readonly points: Float32Array,
    width: number,
    private readonly k: number,
    private readonly near: NearCentres,
    private readonly lists: Lists,
  ) {
    this.nearest = new Nearest(lists.points.length, width, k);
    for (const [place, point] of lists.points.entries()) if (point >= 0) this.nearest.put(place, points, point);
  }

  /** Finds the neighbours of a point, which is at a place of the lists. */
  run(place: number, point: number): Nearest {
    const { nearest, points, lists, near, k } = this;
    nearest.ask(points, point);
    for (let at = point * near.probes; at < (point + 1) * near.probes; at++) {
      const [from, to] = [lists.starts[near.index[at]!]!, lists.ends[near.index[at]!]!];
      // A point of the list is at least |centre - radius| away, so that only radii within the farthest neighbour's distance count.
      const centre = near.distance[at]!;
      const reach = Math.sqrt(nearest.squared[k - 1]!);
      const first = firstAtLeast(lists.radius, from, to, centre - reach);
      const last = firstAtLeast(lists.radius, first, to, centre + reach);
      if (first < last) nearest.search(first, last, place);
    }
    const isNumber = near.distance[point * near.probes]! < Number.POSITIVE_INFINITY;
    if (isNumber && nearest.squared[k - 1] === Number.POSITIVE_INFINITY) {
      // There are not so many in these lists.
      nearest.ask(points, point);
      nearest.search(0, lists.points.length, place);
    }
    return nearest;
  }
}

/** The first place in `from..to` of rising values that is not below `value`. */
function firstAtLeast(values: Float32Array, from: number, to: number, value: number): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
