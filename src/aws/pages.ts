import { UnexpectedAnswer } from './expected-answers.ts';

/** How many pages of one answer are read at most: 200,000 images or snapshots. */
const MOST = 200;

/**
 * The pages of an answer, one after the other. The number of pages is limited, because an endpoint that repeats a page would
 * otherwise be called, and its answers kept, without end.
 * @param tokenOf the token of the next page
 * @param most how many pages are read at most
 * @throws {UnexpectedAnswer} where a token comes twice in a row, and where there are more pages
 */
export async function* pagesOf<Page>(
  pages: AsyncIterable<Page>,
  tokenOf: (page: Page) => string | undefined,
  most = MOST,
): AsyncGenerator<Page> {
  let before: string | undefined;
  let read = 0;
  for await (const page of pages) {
    const token = tokenOf(page);
    read += 1;
    if (token && (token === before || read === most))
      throw new UnexpectedAnswer(
        `after ${read} pages the answer of AWS still has another one. Does the endpoint know NextToken?`,
      );
    before = token;
    yield page;
  }
}
