/** The dump of a frame's bytes, and what is read of its content. */
import { expect, test } from 'vitest';
import { contentOf } from '../../app/screens/quarantine/content.ts';
import { hexLines } from '../../app/screens/quarantine/hex_lines.ts';

test('sixteen bytes a line, with where they are and as letters', () => {
	const lines = hexLines('00010203040506070809'.concat('41424344454647ff48'));
	expect(lines).toEqual([
		{ at: '0000', bytes: '00 01 02 03 04 05 06 07  08 09 41 42 43 44 45 46', letters: '··········ABCDEF' },
		{ at: '0010', bytes: '47 ff 48', letters: 'G·H' },
	]);
	expect(hexLines('')).toEqual([]);
});

test('what is not known of a frame is left out', () => {
	expect(
		contentOf({ records: [{ io: { 239: 1 }, speed: 5, valid: true, latitude: 54.5 }, 7], count: 2, crc_ok: false }),
	).toEqual({
		records: [
			{
				hash: null,
				time: null,
				latitude: 54.5,
				longitude: null,
				valid: true,
				facts: [
					['latitude', '54.5'],
					['speed', '5'],
				],
				io: [['239', '1']],
			},
		],
		messages: [],
		error: null,
		crcOk: false,
		announced: 2,
	});
	expect(contentOf({ error: 'not a whole frame' })).toMatchObject({
		error: 'not a whole frame',
		records: [],
		crcOk: null,
	});
});
