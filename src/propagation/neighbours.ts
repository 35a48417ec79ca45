// Nearest neighbours of points among themselves, by an inverted file: points are listed by the nearest of some centres, the lists
// of the centres nearest to a point are searched, and the triangle inequality rules out parts of these (Jégou et al. 2011,
// Product Quantization for Nearest Neighbor Search, section IV, without the quantization).
import { Random } from "../random/random.ts";

/** The nearest neighbours of each of `n` points, nearest first; a point is not its own. */
export interface Neighbours {
  readonly k: number;
  /** Numbers of the neighbours, `[n, k]`. */
  readonly index: Int32Array;
  /** Squared distances to them, `[n, k]`. */
  readonly squared: Float32Array;
}

/** Rounds of Lloyd's algorithm that place the centres. */
const ROUNDS = 4;
/** Lists that are searched for each point: of two sets of 54,000 codes of digits, 97 and 99 % of the neighbours are found. */
const PROBES = 8;

/**
 * The nearest neighbours of each point by Euclidean distance; some may be missed where n is in the thousands.
 * @param points `[n, width]`
 * @param most how many of each point; fewer where there are not so many others
 */
export function nearestNeighbours(points: Float32Array, width: number, most: number): Neighbours {
  const n = points.length / width;
  const k = Math.min(most, n - 1);
  const lists = listByCentre(points, width, Math.ceil(Math.sqrt(n)));
  const index = new Int32Array(n * k);
  const squared = new Float32Array(n * k).fill(Number.POSITIVE_INFINITY);
  const search = new Search(lists, width, k);
  for (let place = 0; place < n; place++) {
    const point = lists.order[place]!;
    search.run(place);
    index.set(search.index, point * k);
    squared.set(search.squared, point * k);
  }
  return { k, index, squared };
}

/** Points by the nearest centre, each list from its centre outwards. */
interface Lists {
  readonly centres: Float32Array;
  /** Where the list of each centre begins, and the end of the last: `[centres + 1]`. */
  readonly starts: Int32Array;
  /** Numbers of the points in the order of the lists, `[n]`. */
  readonly order: Int32Array;
  /** The points in that order, `[n, width]`. */
  readonly points: Float32Array;
  /** Distance of each from its centre. */
  readonly radius: Float32Array;
}

function listByCentre(points: Float32Array, width: number, count: number): Lists {
  const n = points.length / width;
  const centres = new Float32Array(count * width);
  const sample = new Random(0, "centres").permutation(n).subarray(0, Math.min(n, count * 32));
  for (let c = 0; c < count; c++) copyRow(points, sample[c]!, centres, c, width);
  for (let round = 0; round < ROUNDS; round++) moveCentres(points, sample, centres, width);
  const nearest = new Int32Array(n);
  const distance = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    const [centre, squared] = nearestCentre(points, i, centres, width);
    nearest[i] = centre;
    distance[i] = Math.sqrt(squared);
  }
  const order = Int32Array.from({ length: n }, (_, i) => i).sort(
    (a, b) => nearest[a]! - nearest[b]! || distance[a]! - distance[b]! || a - b,
  );
  const starts = new Int32Array(count + 1);
  for (const centre of nearest) starts[centre + 1]!++;
  for (let c = 0; c < count; c++) starts[c + 1]! += starts[c]!;
  const sorted = new Float32Array(points.length);
  for (let place = 0; place < n; place++) copyRow(points, order[place]!, sorted, place, width);
  return { centres, starts, order, points: sorted, radius: distance.map((_, place) => distance[order[place]!]!) };
}

function moveCentres(points: Float32Array, sample: Int32Array, centres: Float32Array, width: number): void {
  const sums = new Float64Array(centres.length);
  const counts = new Int32Array(centres.length / width);
  for (const i of sample) {
    const [centre] = nearestCentre(points, i, centres, width);
    counts[centre]!++;
    for (let d = 0; d < width; d++) sums[centre * width + d]! += points[i * width + d]!;
  }
  // A centre without points stays where it is.
  for (let at = 0; at < centres.length; at++) {
    const count = counts[Math.floor(at / width)]!;
    if (count > 0) centres[at] = sums[at]! / count;
  }
}

function nearestCentre(points: Float32Array, i: number, centres: Float32Array, width: number): [number, number] {
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (let c = 0, at = 0; at < centres.length; c++, at += width) {
    const squared = squaredDistance(points, i * width, centres, at, width, least);
    if (squared < least) [best, least] = [c, squared];
  }
  return [best, least];
}

/** The search for the neighbours of one point after another. */
class Search {
  readonly index: Int32Array;
  readonly squared: Float32Array;
  private readonly toCentre: Float32Array;
  private readonly byDistance: Int32Array;

  constructor(
    private readonly lists: Lists,
    private readonly width: number,
    private readonly k: number,
  ) {
    this.index = new Int32Array(k);
    this.squared = new Float32Array(k);
    this.toCentre = new Float32Array(lists.starts.length - 1);
    this.byDistance = Int32Array.from(this.toCentre, (_, c) => c);
  }

  /** Finds the neighbours of the point at a place of the lists. */
  run(place: number): void {
    const { lists, width, toCentre, byDistance, k, squared } = this;
    const { centres, starts, radius } = lists;
    squared.fill(Number.POSITIVE_INFINITY);
    for (let c = 0; c < toCentre.length; c++)
      toCentre[c] = Math.sqrt(squaredDistance(lists.points, place * width, centres, c * width, width));
    byDistance.sort((a, b) => toCentre[a]! - toCentre[b]!);
    for (const c of byDistance.subarray(0, PROBES)) {
      const [from, to] = [starts[c]!, starts[c + 1]!];
      if (from === to) continue;
      const centre = toCentre[c]!;
      // A point of the list is at least |centre - radius| away, so that only radii within the farthest neighbour's distance count.
      const reach = Math.sqrt(squared[k - 1]!);
      if (centre - radius[to - 1]! > reach) continue;
      let at = from;
      if (centre > reach) at = firstAtLeast(radius, from, to, centre - reach);
      for (; at < to; at++) {
        if (radius[at]! - centre > Math.sqrt(squared[k - 1]!)) break;
        if (at === place) continue;
        const distance = squaredDistance(lists.points, place * width, lists.points, at * width, width, squared[k - 1]!);
        if (distance < squared[k - 1]!) this.insert(lists.order[at]!, distance);
      }
    }
  }

  private insert(point: number, distance: number): void {
    const { index, squared } = this;
    let at = this.k - 1;
    for (; at > 0 && squared[at - 1]! > distance; at--) {
      squared[at] = squared[at - 1]!;
      index[at] = index[at - 1]!;
    }
    squared[at] = distance;
    index[at] = point;
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

/** The squared distance of two rows; where it passes `most`, any number above that. */
function squaredDistance(
  a: Float32Array,
  i: number,
  b: Float32Array,
  j: number,
  width: number,
  most = Number.POSITIVE_INFINITY,
): number {
  let sum = 0;
  let d = 0;
  for (; d + 4 <= width; d += 4) {
    const [p, q] = [a[i + d]! - b[j + d]!, a[i + d + 1]! - b[j + d + 1]!];
    const [r, s] = [a[i + d + 2]! - b[j + d + 2]!, a[i + d + 3]! - b[j + d + 3]!];
    sum += p * p + q * q + (r * r + s * s);
    if (sum > most) return sum;
  }
  for (; d < width; d++) sum += (a[i + d]! - b[j + d]!) ** 2;
  return sum;
}

function copyRow(from: Float32Array, i: number, to: Float32Array, j: number, width: number): void {
  for (let d = 0; d < width; d++) to[j * width + d] = from[i * width + d]!;
}
