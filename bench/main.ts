import { join } from 'node:path';
import { styleText } from 'node:util';
import { PROJECT_DIR } from '../tools/dev/project.ts';
import { onStopSignal } from '../tools/dev/signals.ts';
import { BENCHMARKS } from './benchmarks/index.ts';
import { readOptions } from './options.ts';
import { writePage } from './report/page.ts';
import { readResults, writeResults } from './report/results.ts';
import { recalculate } from './report/scale.ts';
import { asText } from './report/text.ts';
import { runBenchmark, stopRunning } from './run.ts';

/** `npm run bench`: measures, prints, and writes docs/performance.md. Exit code 1 when a benchmark broke. */
const options = readOptions(process.argv.slice(2), BENCHMARKS);
const out = options.out ?? join(PROJECT_DIR, options.mode === 'full' ? 'docs' : '.amiferry/bench');
const plots = join(out, 'performance');
const print = (text: string) => process.stdout.write(`${text}\n`);

onStopSignal(() => void stopRunning().then(() => process.exit(130)));
const began = performance.now();
for (const benchmark of options.benchmarks) {
  print(`\n${styleText('bold', benchmark.title)} ${styleText('dim', benchmark.name)}`);
  try {
    const result = await runBenchmark(benchmark, options.mode, (what) =>
      print(styleText('dim', `  … ${what}`)),
    );
    print(`\n${asText(result.finding)}`);
    writeResults(plots, { ...readResults(plots), [benchmark.name]: result });
    writePage(out, BENCHMARKS, readResults(plots));
    recalculate(out, readResults(plots));
  } catch (error) {
    process.exitCode = 1;
    print(
      styleText('red', `  ${benchmark.name} broke: ${error instanceof Error ? error.stack : String(error)}`),
    );
  }
}
print(`\n${Math.round((performance.now() - began) / 1000)} s. The page: ${join(out, 'performance.md')}`);
