/** What the kernel tells of a variable. Pure. */

export interface Variable {
  readonly name: string;
  readonly type: string;
  /** As people write it: `3 × 4`, or a length. */
  readonly shape: string;
  readonly size: number | null;
  readonly summary: string;
  /** The cell that wrote it last, and those that read it. */
  readonly cell: string | null;
  readonly readers: readonly string[];
}

/** The answer to `{op: "variables"}`; what does not look like a variable is left out. */
export function variablesOf(answer: Readonly<Record<string, unknown>>): Variable[] {
  return Array.isArray(answer.variables) ? answer.variables.flatMap(variableOf) : [];
}

function variableOf(value: unknown): Variable[] {
  const fields: Record<string, unknown> = typeof value === 'object' && value !== null ? { ...value } : {};
  const { name, type, shape, size, summary, cell, readers } = fields;
  if (typeof name !== 'string') {
    return [];
  }
  return [
    {
      name,
      type: textOf(type),
      shape: shapeOf(shape),
      size: typeof size === 'number' ? size : null,
      summary: textOf(summary),
      cell: typeof cell === 'string' ? cell : null,
      readers: Array.isArray(readers) ? readers.filter(reader => typeof reader === 'string') : []
    }
  ];
}

function shapeOf(shape: unknown): string {
  if (Array.isArray(shape)) {
    return shape.map(String).join(' × ');
  }
  return typeof shape === 'number' || typeof shape === 'string' ? `${shape}` : '';
}

/** "312 B", "4.1 kB", "12 MB". */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = count;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit] ?? ''}`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
