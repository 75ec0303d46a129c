import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** The output of the demo: plain lines, or on a terminal a block that is redrawn in place. */
export interface Screen {
  /** Whether a block can be redrawn. */
  live: boolean;
  line(text?: string): void;
  /** Writes lines in place of those drawn last. Only if `live`. */
  redraw(lines: readonly string[]): void;
  /** Ends the redrawing: the last block stays. */
  keep(): void;
  /** Colours text, unless the output is no terminal or NO_COLOR is set. */
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
