// Where values lie in the workspace: two that are never needed at the same time may share a place.
import type { Step, Value } from "./steps.ts";

/** Cache lines, and the widest vectors. */
const ALIGNMENT = 64;

interface Life {
  readonly bytes: number;
  first: number;
  last: number;
  readonly members: Value[];
}

const isPlaced = ({ input, output, constant }: Value): boolean =>
  input !== undefined || output !== undefined || constant !== undefined;

/** Sets `offset` of every value in the workspace. @returns its size in bytes */
export function planMemory(steps: readonly Step[]): number {
  const lives = new Map<Value, Life>();
  steps.forEach((step, i) => {
    for (const value of [...step.reads, ...step.writes]) {
      if (isPlaced(value)) continue;
      const life = lives.get(value);
      if (life) life.last = i;
      else lives.set(value, { bytes: value.bytes, first: i, last: i, members: [value] });
    }
  });
  steps.forEach((step, i) => {
    shareWithOperands(step, i, lives);
  });
  const placed: { life: Life; from: number; to: number }[] = [];
  let total = 0;
  const bySize = [...new Set(lives.values())].sort((a, b) => b.bytes - a.bytes || a.first - b.first);
  for (const life of bySize) {
    const size = Math.ceil(life.bytes / ALIGNMENT) * ALIGNMENT;
    const others = placed
      .filter(({ life: other }) => other.first <= life.last && life.first <= other.last)
      .sort((a, b) => a.from - b.from);
    let from = 0;
    for (const other of others) {
      if (other.from - from >= size) break;
      from = Math.max(from, other.to);
    }
    placed.push({ life, from, to: from + size });
    total = Math.max(total, from + size);
    for (const value of life.members) value.offset = from;
  }
  return total;
}

/** Lets results of a step take the places of operands that end with it. */
function shareWithOperands(step: Step, i: number, lives: Map<Value, Life>): void {
  const free = step.handsOver.filter((value) => lives.get(value)?.last === i);
  for (const value of step.writes) {
    const life = lives.get(value);
    if (!life || life.first !== i) continue;
    const place = free.findIndex((other) => other.bytes === value.bytes && lives.get(other) !== life);
    if (place < 0) continue;
    const [operand] = free.splice(place, 1);
    const joined = lives.get(operand!)!;
    joined.last = Math.max(joined.last, life.last);
    joined.members.push(...life.members);
    for (const member of life.members) lives.set(member, joined);
  }
}
