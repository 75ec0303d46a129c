// Loaded before every entry point with --import. It is plain JavaScript, because an old Node can't read .ts files: it then
// prints one clear line instead of ERR_UNKNOWN_FILE_EXTENSION.
import * as nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';

/** For processes that are ended by force, and so write nothing at their end. Milliseconds. */
const WRITTEN_AFTER = 20_000;

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `amiferry needs Node 22.18 or newer (24 is best), and this is ${process.version}. ` +
      `Run "npm ci" without --omit=dev and --ignore-scripts (it brings Node 24 for npm scripts), or install Node 24.\n`,
  );
  process.exit(1);
}

// Keeps what Node has compiled and stripped of types for the next start, which then takes half the time. The cache is beside
// the code, so only those who may change the code can write it. Where the process may not write, it reads an existing cache.
nodeModule.enableCompileCache(fileURLToPath(new URL('../../node_modules/.cache/amiferry', import.meta.url)));
setTimeout(() => nodeModule.flushCompileCache(), WRITTEN_AFTER).unref();
