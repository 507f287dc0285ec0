// What counts as a first visit's load, and that too much of it is found out (build/first_load.ts).
import { expect, it } from 'vitest';
import { firstLoad, LIMITS, tooLarge, type Output } from '../../build/first_load.ts';

function bundle(sizes: Record<string, number> = {}): Map<string, Output> {
	const files = new Map<string, Output>();
	const put = (name: string, more: Partial<Output>) =>
		files.set(name, { entry: null, lazy: false, imports: [], css: [], gzipped: sizes[name] ?? 1000, ...more });
	put('shared.js', {});
	put('index.js', { entry: '/app/index.html', imports: ['shared.js'], css: ['index.css'] });
	put('index.css', {});
	put('login.js', { entry: '/app/login.html', imports: ['shared.js'] });
	put('fleet.js', { entry: '/app/screens/fleet/fleet.tsx', lazy: true, imports: ['index.js'] });
	put('people.js', { entry: '/app/screens/people/people.tsx', lazy: true, imports: ['index.js'], css: ['people.css'] });
	put('people.css', {});
	put('map.js', { entry: '/app/screens/fleet/map.tsx', lazy: true, imports: ['fleet.js', 'shared.js'] });
	put('assets/worker-a1.mjs', {});
	put('assets/countries-a1.json', {});
	put('assets/cities-a1.json', {});
	return files;
}

it('counts each file once, styles too, and the largest screen', () => {
	expect(firstLoad(bundle())).toEqual({
		login: 2000,
		'without the map': 5000,
		"the map's code": 2000,
		'the base map': 2000,
	});
});

it('finds what is too large, and what is not there', () => {
	expect(tooLarge(firstLoad(bundle()))).toEqual([]);
	expect(tooLarge(firstLoad(bundle({ 'login.js': LIMITS.login * 1000 })))).toEqual(['login']);
	expect(tooLarge(firstLoad(bundle({ 'people.css': 380_000 })))).toEqual(['without the map']);
	expect(tooLarge(firstLoad(bundle({ 'assets/worker-a1.mjs': 450_000 })))).toEqual(["the map's code"]);
	expect(tooLarge(firstLoad(bundle({ 'assets/countries-a1.json': 0, 'assets/cities-a1.json': 0 })))).toEqual([
		'the base map',
	]);
	const files = bundle();
	files.delete('map.js');
	expect(() => firstLoad(files)).toThrow('map.tsx');
});

it('a map comes after its screen, and is none', () => {
	const files = bundle();
	const map = { entry: '/app/screens/history/track_map.tsx', lazy: true, imports: ['index.js'], css: [], gzipped: 1e6 };
	files.set('track_map.js', map);
	expect(firstLoad(files)['without the map']).toBe(5000);
	files.set('track_map.js', { ...map, entry: '/app/screens/history/other.tsx' });
	expect(firstLoad(files)['without the map']).toBe(1_003_000);
});

it('counts the largest language, of the sign-in and of the house', () => {
	const files = bundle();
	const put = (path: string, gzipped: number, imports: string[] = []) =>
		files.set(path, { entry: `/app/i18n/${path}.ts`, lazy: true, imports, css: [], gzipped });
	put('de/common', 10);
	put('de/sign_in', 20);
	put('de/index', 300, ['de/common', 'de/sign_in', 'shared.js']);
	put('pl/common', 11);
	put('pl/sign_in', 22);
	put('pl/index', 100, ['pl/common', 'pl/sign_in', 'shared.js']);
	const found = firstLoad(files);
	expect(found.login).toBe(2033);
	expect(found['without the map']).toBe(5330);
});
