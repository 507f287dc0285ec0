// CSV as spreadsheets write it, in whatever pieces it comes.
import { expect, it } from 'vitest';
import { CsvError, csvLine, CsvReader, safeCell } from '../../server/csv.ts';

function read(text: string, size = text.length || 1) {
	const reader = new CsvReader();
	const rows = [];
	for (let at = 0; at < text.length; at += size) rows.push(...reader.push(text.slice(at, at + size)));
	return [...rows, ...reader.end()];
}

it.each([
	[
		'commas',
		'a,b\n1,2\n',
		[
			['a', 'b'],
			['1', '2'],
		],
	],
	[
		'semicolons',
		'a;b,c;d\n1;2;3',
		[
			['a', 'b,c', 'd'],
			['1', '2', '3'],
		],
	],
	[
		'tabs',
		'a\tb\n1\t\n',
		[
			['a', 'b'],
			['1', ''],
		],
	],
	[
		'CRLF and a byte order mark',
		'\ufeffa,b\r\n1,2\r\n',
		[
			['a', 'b'],
			['1', '2'],
		],
	],
	[
		'quotes',
		'a,"b;;;"\n"x ""y"" z","1\n2"\n',
		[
			['a', 'b;;;'],
			['x "y" z', '1\n2'],
		],
	],
	[
		'an empty quote',
		'a,b\n"",""\n"",1',
		[
			['a', 'b'],
			['', '1'],
		],
	],
	[
		'blank lines',
		'\na,b\n\n,\n1,2\n\n',
		[
			['a', 'b'],
			['1', '2'],
		],
	],
	['nothing', '', []],
	['one line', 'imei', [['imei']]],
] as const)('%s, in pieces of any size', (_, text, want) => {
	for (const size of [1, 2, 3, 1000]) expect(read(text, size).map((r) => r.fields)).toEqual(want);
});

it('says where a line begins', () => {
	expect(read('a,b\n"1\n2",3\n\n4,5\n').map((r) => r.line)).toEqual([1, 2, 5]);
});

it.each([
	['an open quote', 'a,b\n1,"2\n3', 2],
	['a quote within', 'a,b\n1,"2"3\n', 2],
	['a long cell', `a,b\n${'x'.repeat(10_001)},1`, 2],
	['many cells', `a,b\n1,2\n${','.repeat(200)}`, 3],
])('refuses %s', (_, text, line) => {
	let found: unknown;
	try {
		read(text, 7);
	} catch (error) {
		found = error;
	}
	expect(found).toBeInstanceOf(CsvError);
	expect((found as CsvError).line).toBe(line);
});

it.each([
	['=1+1', "'=1+1"],
	['+1', "'+1"],
	['-1', "'-1"],
	['@SUM(A1)', "'@SUM(A1)"],
	['\tx', "'\tx"],
	['Truck 7', 'Truck 7'],
	['', ''],
])('a cell %j is %j', (text, want) => {
	expect(safeCell(text)).toBe(want);
});

it('a line that was written is read as it was', () => {
	const cells = ['plain', '', 'a, b', 'say "so"', 'two\nlines', '{"a":1}'];
	expect(read(csvLine(cells)).map((r) => r.fields)).toEqual([cells]);
	expect(csvLine(['=1+1', null, '-1'])).toBe("'=1+1,,'-1\n");
});
