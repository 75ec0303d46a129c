import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** What the demo writes to: plain lines, or a block that is drawn over itself where the output is a terminal. */
export interface Screen {
  /** Whether a block can be redrawn. */
  live: boolean;
  line(text?: string): void;
  /** Writes the lines in the place of those drawn last. Only where `live`. */
  redraw(lines: readonly string[]): void;
  /** Leaves what is drawn as it stands. */
  keep(): void;
  /** Colour, unless the output is no terminal or NO_COLOR is set. */
  style(style: Style, text: string): string;
}

const UP_AND_CLEAR = (lines: number) => `\u001B[${lines}A\u001B[0J`;

export function createScreen(output: NodeJS.WriteStream): Screen {
  let drawn = 0;
  return {
    live: output.isTTY,
    line: (text = '') => void output.write(`${text}\n`),
    redraw: (lines) => {
      output.write(`${drawn === 0 ? '' : UP_AND_CLEAR(drawn)}${lines.join('\n')}\n`);
      drawn = lines.length;
    },
    keep: () => {
      drawn = 0;
    },
    style: (style, text) => styleText(style, text, { stream: output }),
  };
}
