// The packed track: its format, what is left out and what must stay; and the binary COPY that records are read by.
import { describe, expect, it } from 'vitest';
import { CopyRows } from '../../server/history/copy_rows.ts';
import { piecesOf } from '../../server/history/pieces.ts';
import { emptyRecords, Flag, recordsOf, type OneRecord } from '../../server/history/records.ts';
import { MOST_BYTES, packTrack, type Box } from '../../server/history/simplify.ts';
import { Turns } from '../../server/history/turns.ts';
import { decodeTrack, emptyTrack, encodeTrack, speedClass, type Track } from '../../shared/track.ts';

const T = Date.UTC(2026, 0, 15);
const range = { from: T, to: T + 86_400_000 };
const SECOND = 1000;

function packed(list: OneRecord[], zoom = 16, box: Box | null = null): Track {
	const records = recordsOf(list);
	return decodeTrack(packTrack(records, piecesOf(records), { range, zoom, box }));
}

/** A record each 10 s, as a function of its number. */
function drive(count: number, of: (i: number) => Partial<OneRecord>): OneRecord[] {
	return Array.from({ length: count }, (_, i) => ({
		time: T + i * 10 * SECOND,
		latitude: 50,
		longitude: 20 + i * 0.002,
		speed: 50,
		flags: Flag.valid,
		...of(i),
	}));
}

describe('the format', () => {
	it('says what it was told', () => {
		const track = emptyTrack(4);
		Object.assign(track, { records: 77, zoom: 12.5, until: T + 1e9 });
		track.time.set([T, T + 1000, T + 86_400_000, T + 86_400_000]);
		track.latitude.set([-33.86, -33.861, 85, -85]);
		track.longitude.set([151.2, 151.3, -180, 180]);
		track.speed.set([0, 127, 128, 5000]);
		track.gap.set([0, 0, 1, 0]);
		const there = decodeTrack(encodeTrack(track));
		expect(there).toEqual({ ...track, latitude: there.latitude, longitude: there.longitude });
		for (let i = 0; i < 4; i++) {
			expect(there.latitude[i]).toBeCloseTo(track.latitude[i] ?? 0, 5);
			expect(there.longitude[i]).toBeCloseTo(track.longitude[i] ?? 0, 5);
		}
	});
	it('goes with a part of a larger buffer, and with no points', () => {
		const bytes = encodeTrack(emptyTrack(0));
		const larger = new Uint8Array(100);
		larger.set(bytes, 7);
		expect(decodeTrack(larger.subarray(7, 7 + bytes.length)).count).toBe(0);
	});
	it('refuses what is none, or cut off', () => {
		const track = emptyTrack(3);
		track.latitude.set([1, 2, 3]);
		const bytes = encodeTrack(track);
		expect(() => decodeTrack(bytes.subarray(0, 20))).toThrow('not a track');
		expect(() => decodeTrack(Uint8Array.from(bytes, (b, i) => (i === 0 ? 9 : b)))).toThrow('not a track');
		expect(() => decodeTrack(bytes.subarray(0, bytes.length - 1))).toThrow('cut off');
		expect(() => decodeTrack(bytes.subarray(0, 40))).toThrow('cut off');
	});
	it('has six classes of speed', () => {
		expect([0, 4, 5, 29, 30, 60, 90, 129, 130, 999].map(speedClass)).toEqual([0, 0, 1, 1, 2, 3, 4, 4, 5, 5]);
	});
});

describe('what is left out', () => {
	it('of a straight line at one speed all but the ends', () => {
		const track = packed(drive(500, () => ({})));
		expect(track.count).toBe(2);
		expect(track.records).toBe(500);
		expect([...track.speed]).toEqual([50, 50]);
		expect([track.time[0], track.time[1]]).toEqual([T, T + 4990 * SECOND]);
	});
	it('not a corner', () => {
		const track = packed(drive(100, (i) => (i < 50 ? {} : { longitude: 20.1, latitude: 50 + (i - 50) * 0.002 })));
		expect(track.count).toBeGreaterThanOrEqual(3);
		expect(
			[...track.longitude].some((x, i) => Math.abs(x - 20.1) < 1e-5 && Math.abs((track.latitude[i] ?? 0) - 50) < 1e-5),
		).toBe(true);
	});
	it('less at a larger zoom, and nothing moves further than a pixel', () => {
		const list = drive(2000, (i) => ({ latitude: 50 + Math.sin(i / 30) * 0.05 + Math.sin(i / 3) * 0.0005 }));
		const far = packed(list, 6);
		const near = packed(list, 14);
		expect(far.count).toBeLessThan(near.count / 4);
		const pixel = 360 / (512 * 2 ** 6);
		for (const one of list) {
			let b = 1;
			while (b < far.count - 1 && (far.time[b] ?? 0) < one.time) b++;
			const [x0 = 0, x1 = 0] = far.longitude.slice(b - 1, b + 1);
			const [y0 = 0, y1 = 0] = far.latitude.slice(b - 1, b + 1);
			const at = x1 === x0 ? 0 : Math.min(1, Math.max(0, (one.longitude - x0) / (x1 - x0)));
			expect(Math.abs(y0 + at * (y1 - y0) - one.latitude)).toBeLessThan(pixel);
		}
	});
	it('not where the class of speed changes for long', () => {
		const track = packed(
			drive(300, (i) => ({
				speed: i < 150 ? 50 : 100,
				longitude: 20 + (i < 150 ? i * 0.002 : 0.3 + (i - 150) * 0.004),
			})),
		);
		expect(track.count).toBeLessThanOrEqual(4);
		expect([...new Set([...track.speed.slice(1)].map(speedClass))]).toEqual([2, 4]);
		// For a moment only, it isn't seen.
		expect(
			packed(
				drive(300, (i) => ({ speed: i === 150 ? 100 : 50 })),
				8,
			).count,
		).toBe(2);
	});
	it('all that wobbles within a stop', () => {
		const track = packed(drive(200, (i) => (i < 100 ? { speed: 0, longitude: 20 + (i % 3) * 0.0001 } : {})));
		expect(track.count).toBeLessThanOrEqual(4);
	});
	it('records without a place, and those outside the range', () => {
		const list = drive(100, (i) => (i % 2 === 1 ? { flags: 0, latitude: 0, longitude: 0 } : {}));
		const track = packed([{ ...(list[0] as OneRecord), time: T - 5000, latitude: 60 }, ...list]);
		expect(Math.max(...track.latitude)).toBeLessThan(51);
		expect(track.records).toBe(100);
		expect(packed([]).count).toBe(0);
		expect(packed(drive(3, () => ({ flags: 0 }))).count).toBe(0);
	});
	it('not a gap', () => {
		const track = packed(drive(100, (i) => (i >= 50 ? { time: T + i * 10 * SECOND + 3_600_000 } : {})));
		expect([...track.gap]).toEqual([0, 0, 1, 0]);
	});
});

describe('how much', () => {
	const wild = drive(8640, (i) => ({
		latitude: 50 + Math.sin(i * 1.7) * 0.2,
		longitude: 20 + Math.cos(i * 2.3) * 0.3,
		speed: 30 + (i % 90),
	}));
	it('an answer has is bounded; it says up to which zoom it is exact', () => {
		const records = recordsOf(
			[0, 1, 2, 3, 4].flatMap((n) => wild.map((r) => ({ ...r, time: r.time + n }))).sort((a, b) => a.time - b.time),
		);
		const bytes = packTrack(records, piecesOf(records), { range, zoom: 22, box: null });
		expect(bytes.length).toBeLessThanOrEqual(MOST_BYTES);
		const track = decodeTrack(bytes);
		expect(track.zoom).toBeLessThan(22);
		expect(track.count).toBeGreaterThan(3000);
	});
	it('what one looks at is finer than the rest', () => {
		const box = { west: 20, south: 50, east: 21, north: 51 };
		const list = drive(4000, (i) => ({
			latitude: 50 + Math.sin(i / 20) * 0.3,
			longitude: 20 + i * 0.0005 + Math.sin(i) * 0.0002,
		}));
		const all = packed(list, 8);
		const part = packed(list, 12, box);
		const inside = (track: Track) => [...track.latitude].filter((lat) => lat > 50).length;
		expect(inside(part)).toBeGreaterThan(inside(all));
		expect(part.count - inside(part)).toBeLessThan(inside(part));
	});
	it('of points that weigh the same none is chosen by chance', () => {
		const zigzag = drive(20_000, (i) => ({
			time: T + i * 4 * SECOND,
			latitude: 50 + (i % 2) * 0.01,
			longitude: 20 + i * 1e-6,
		}));
		expect(packed(zigzag).count).toBeLessThan(9001);
	});
});

describe('rows of a binary COPY', () => {
	const head = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
	const end = Buffer.from([0xff, 0xff]);
	function row(time: number, lat: number, lon: number, speed: number, flags: number): Buffer {
		const bytes = Buffer.alloc(54);
		bytes.writeInt16BE(5);
		bytes.writeInt32BE(8, 2);
		bytes.writeBigInt64BE(BigInt(time - Date.UTC(2000, 0, 1)) * 1000n, 6);
		bytes.writeInt32BE(8, 14);
		bytes.writeDoubleBE(lat, 18);
		bytes.writeInt32BE(8, 26);
		bytes.writeDoubleBE(lon, 30);
		bytes.writeInt32BE(4, 38);
		bytes.writeInt32BE(speed, 42);
		bytes.writeInt32BE(4, 46);
		bytes.writeInt32BE(flags, 50);
		return bytes;
	}
	it.each([1, 7, 54, 1000])('come in pieces of %i bytes', (size) => {
		const all = Buffer.concat([head, row(T, 50.5, -20.25, 70, 31), row(T - 1e12, -1, 2, 0, 0), end]);
		const records = emptyRecords(0);
		const rows = new CopyRows(records);
		expect(rows.ended).toBe(false);
		for (let at = 0; at < all.length; at += size) rows.write(all.subarray(at, at + size));
		expect(rows.ended).toBe(true);
		expect(records.count).toBe(2);
		expect([records.time[0], records.latitude[0], records.longitude[0], records.speed[0], records.flags[0]]).toEqual([
			T,
			50.5,
			-20.25,
			70,
			31,
		]);
		// Before 2000, too.
		expect(records.time[1]).toBe(T - 1e12);
	});
	it('are refused if they are not as asked for', () => {
		const rows = new CopyRows(emptyRecords(0));
		expect(() => rows.write(Buffer.concat([head, Buffer.from([0, 4])]))).toThrow('4 fields');
	});
	it('grow as they come', () => {
		const records = emptyRecords(0);
		const rows = new CopyRows(records);
		rows.write(head);
		for (let i = 0; i < 3000; i++) rows.write(row(T + i, i / 100, 0, i % 100, 1));
		expect(records.count).toBe(3000);
		expect(records.latitude[2999]).toBe(29.99);
		expect(records.time[1024]).toBe(T + 1024);
	});
});

describe('turns', () => {
	it('lets a few at a time, in order, and turns away the rest', async () => {
		const turns = new Turns(2, 1);
		const ends: (() => void)[] = [];
		const begun: number[] = [];
		const work = (n: number) => () => {
			begun.push(n);
			return new Promise<number>((resolve) => ends.push(() => resolve(n)));
		};
		const first = turns.take(work(1));
		const second = turns.take(work(2));
		const third = turns.take(work(3));
		await expect(turns.take(work(4))).rejects.toThrow('Too many');
		expect(begun).toEqual([1, 2]);
		ends[0]?.();
		await first;
		expect(begun).toEqual([1, 2, 3]);
		ends[1]?.();
		ends[2]?.();
		expect(await Promise.all([second, third])).toEqual([2, 3]);
		await expect(turns.take(() => Promise.reject(new Error('it failed')))).rejects.toThrow('it failed');
		expect(await turns.take(() => Promise.resolve(5))).toBe(5);
	});
});
