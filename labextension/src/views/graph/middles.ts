/** How far to the right each slot of ordered rows stands: near the middle of its neighbours, none on another. Pure. */

interface Neighbour<Slot> {
  readonly above: readonly Slot[];
  readonly below: readonly Slot[];
}

export function middles<Slot extends Neighbour<Slot>>(
  rows: readonly (readonly Slot[])[],
  widthOf: (slot: Slot) => number,
  sweeps: number
): Map<Slot, number> {
  const xs = new Map<Slot, number>();
  const widest = Math.max(0, ...rows.map(row => row.reduce((sum, slot) => sum + widthOf(slot), 0)));
  for (const row of rows) {
    const width = row.reduce((sum, slot) => sum + widthOf(slot), 0);
    let x = (widest - width) / 2;
    for (const slot of row) {
      xs.set(slot, x + widthOf(slot) / 2);
      x += widthOf(slot);
    }
  }
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      const wishes = row.map(slot => {
        const near = down ? slot.above : slot.below;
        const sum = near.reduce((total, other) => total + (xs.get(other) ?? 0), 0);
        return near.length ? sum / near.length : (xs.get(slot) ?? 0);
      });
      const found = spread(wishes, row.map(widthOf), widest);
      row.forEach((slot, index) => xs.set(slot, found[index] ?? 0));
    }
  }
  return xs;
}

/** The middles nearest to what is wished for (in the sum of squares) that keep the order, the widths and the room. */
export function spread(wishes: readonly number[], widths: readonly number[], room: number): number[] {
  // Without the room that the ones before take, keeping the order is all that is left to do.
  const offsets: number[] = [];
  let taken = 0;
  widths.forEach((width, index) => {
    taken += index ? ((widths[index - 1] ?? 0) + width) / 2 : 0;
    offsets.push(taken);
  });
  const blocks: { sum: number; count: number }[] = [];
  wishes.forEach((wish, index) => {
    let block = { sum: wish - (offsets[index] ?? 0), count: 1 };
    for (
      let last = blocks.at(-1);
      last && last.sum / last.count > block.sum / block.count;
      last = blocks.at(-1)
    ) {
      block = { sum: block.sum + last.sum, count: block.count + last.count };
      blocks.pop();
    }
    blocks.push(block);
  });
  const levels = blocks.flatMap(block => new Array<number>(block.count).fill(block.sum / block.count));
  const least = (widths[0] ?? 0) / 2;
  const most = room - taken - (widths.at(-1) ?? 0) / 2;
  return levels.map((level, index) => Math.max(least, Math.min(most, level)) + (offsets[index] ?? 0));
}
