/** The version of the program, and what lies beside it: the build puts them there; from the sources they are elsewhere. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

declare const OMNITRACK_VERSION: string | undefined;

const isBuilt = typeof OMNITRACK_VERSION === 'string';

export const VERSION: string = typeof OMNITRACK_VERSION === 'string' ? OMNITRACK_VERSION : 'from sources';

/** Where the pages are. */
export const STATIC_DIR = isBuilt ? join(import.meta.dirname, 'app') : join(import.meta.dirname, '../dist/app');

/** In a build tree tgctl stands beside us; installed, it is on the PATH. */
const beside = join(import.meta.dirname, '../../tgctl');
export const TGCTL = isBuilt && existsSync(beside) ? beside : 'tgctl';
