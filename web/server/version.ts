/** The version of the program: the build puts it in; from the sources it is that of the packages. */
declare const OMNITRACK_VERSION: string | undefined;

export const VERSION: string = typeof OMNITRACK_VERSION === 'string' ? OMNITRACK_VERSION : 'from sources';
