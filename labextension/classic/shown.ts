/** Whether a cell shows already what messages would make it show. Pure. */

import type { Recorded } from '../src/protocol';

interface Output {
  readonly output_type: string;
  readonly [field: string]: unknown;
}

/** `settled` is what becomes of text that goes back in its line. */
export function sameOutputs(
  shown: readonly object[],
  messages: readonly Recorded[],
  settled: (text: string) => string
): boolean {
  const expected = outputsOf(messages);
  return (
    expected !== null &&
    canonical(joined(shown as Output[], settled)) === canonical(joined(expected, settled))
  );
}

/** The outputs that messages leave; null if the next one would take them away. */
function outputsOf(messages: readonly Recorded[]): Output[] | null {
  let outputs: Output[] = [];
  let clearing = false;
  for (const { header, content } of messages) {
    const output = { ...(content as object), output_type: header.msg_type, transient: undefined };
    if (header.msg_type === 'clear_output' && (content as { wait?: boolean }).wait === true) {
      clearing = true;
    } else if (header.msg_type === 'clear_output') {
      outputs = [];
    } else if (header.msg_type !== 'execute_input') {
      outputs = [...(clearing ? [] : outputs), output];
      clearing = false;
    }
  }
  return clearing ? null : outputs;
}

/** Text of one stream in one piece, however it was cut. */
function joined(outputs: readonly Output[], settled: (text: string) => string): Output[] {
  const all: Output[] = [];
  for (const output of outputs) {
    const last = all.at(-1);
    if (
      last &&
      output.output_type === 'stream' &&
      last.output_type === 'stream' &&
      last.name === output.name
    ) {
      all[all.length - 1] = { ...last, text: `${textOf(last)}${textOf(output)}` };
    } else {
      all.push(output);
    }
  }
  return all.map(output =>
    output.output_type === 'stream' ? { ...output, text: settled(textOf(output)) } : output
  );
}

function textOf({ text }: Output): string {
  return typeof text === 'string' ? text : '';
}

/** The same text for the same value, in whatever order its fields came. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part
  );
}
