/** Licences of what is bundled: by its file or its README; a package without one ends the build. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { notePackages, notices } from '../../build/notices.ts';

let dist: string;
beforeEach(() => {
	dist = mkdtempSync(join(tmpdir(), 'notices-'));
});
afterEach(() => rmSync(dist, { recursive: true }));

function pack(name: string, files: Record<string, string>): string {
	const folder = join(dist, 'node_modules', name);
	mkdirSync(folder, { recursive: true });
	writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version: '1.0.0', license: 'MIT' }));
	for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
	return join(folder, 'lib/index.js');
}

function noted(...files: string[]): string {
	notePackages(dist, 'server.packages.json', [join(dist, 'server.ts'), ...files]);
	notePackages(dist, 'app.packages.json', files);
	return notices(dist);
}

it('takes the file, else the section of the README', () => {
	const text = noted(
		pack('@some/one', { LICENSE: 'Copyright one', 'README.md': '# License\nCopyright not this' }),
		pack('two', { 'README.md': '# two\nwords\n\n## License\n\nCopyright two\n\n## More\nmore' }),
	);
	expect(text).toContain('@some/one 1.0.0 (MIT)\n\nCopyright one\n');
	expect(text).toContain('two 1.0.0 (MIT)\n\nCopyright two\n');
	expect(text).not.toContain('not this');
	expect(text).not.toContain('more');
});

it('ends where a package has none', () => {
	expect(() => noted(pack('bare', { 'README.md': '# bare\n\n## License\n\nMIT' }))).toThrow('no text');
});

it('ends where no package is noted', () => {
	expect(() => notePackages(dist, 'app.packages.json', [join(dist, 'own.ts')])).toThrow('no package');
});
