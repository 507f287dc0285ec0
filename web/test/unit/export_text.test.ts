// Texts of exports: names that would be formulas, SQL or XML are none.
import { expect, it } from 'vitest';
import { frames, literal, statement, xml } from '../../server/history/export_text.ts';

it('a literal ends where it should, however strings are read', () => {
	expect(literal("it's")).toBe("E'it''s'");
	expect(literal("\\'; DROP TABLE x; --")).toBe("E'\\\\''; DROP TABLE x; --'");
});

it('XML takes any name', () => {
	expect(xml('<a & "b">\u0000\u0008c')).toBe('&lt;a &amp; &quot;b&quot;&gt;c');
	expect(frames.gpx.device({ id: 1n, imei: '350000000000001', name: '<x>' })[0]).toContain('<name>&lt;x&gt;</name>');
	expect(frames.gpx.device({ id: 1n, imei: '350000000000001', name: null })[0]).toContain(
		'<name>350000000000001</name>',
	);
});

it('only CSV has records without a place', () => {
	const device = { id: 7n, imei: '350000000000001', name: null };
	expect(statement(device, 'csv', 'a', 'b')).not.toContain('AND valid');
	expect(statement(device, 'gpx', 'a', 'b')).toContain('AND valid');
	expect(statement(device, 'geojson', 'a', 'b')).toContain('device_id = 7 AND');
});
