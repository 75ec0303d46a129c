import { join } from 'node:path';

/** The directory of package.json. */
export const PROJECT_DIR = join(import.meta.dirname, '../..');
