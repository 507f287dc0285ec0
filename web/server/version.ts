/** The version of the program, and what lies beside it: the build puts them there; from the sources they are elsewhere. */
import { join } from 'node:path';

declare const OMNITRACK_VERSION: string | undefined;

const isBuilt = typeof OMNITRACK_VERSION === 'string';

export const VERSION: string = typeof OMNITRACK_VERSION === 'string' ? OMNITRACK_VERSION : 'from sources';

/** Where the pages are. */
export const STATIC_DIR = isBuilt ? join(import.meta.dirname, 'app') : join(import.meta.dirname, '../dist/app');

/** The configuration: an installed program is told by its starter where it was configured to be. */
export const DEFAULT_FILE = process.env['OMNITRACK_WEB_CONF'] ?? '/etc/omnitrack/web.conf';
