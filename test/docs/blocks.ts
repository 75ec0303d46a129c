/** One fenced block of a Markdown file: the words after its fence, and its text. */
export interface Block {
  info: string;
  text: string;
}

/** All fenced blocks that start at the margin, in order. */
export function fencedBlocks(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(([, info = '', text = '']) => ({
    info,
    text,
  }));
}

/** The blocks that are run (```bash walk), each with the output that stands right after it, or none. */
export function walkThrough(markdown: string): { script: string; output: string }[] {
  const blocks = fencedBlocks(markdown);
  return blocks.flatMap(({ info, text }, i) => {
    if (info !== 'bash walk') return [];
    const next = blocks[i + 1];
    return [{ script: text, output: next?.info === 'text' ? next.text : '' }];
  });
}
