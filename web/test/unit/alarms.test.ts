// Alarms that came while a page is open: each once, the newest first, and gone from a display after their time.
import { expect, test } from 'vitest';
import type { Alarm } from '../../shared/live.ts';
import { AlarmList } from '../../app/live/alarms.ts';

function alarm(key: string): Alarm {
	return {
		...{ key, device: '1', title: 'Bus 12', at: 0, kind: 'towing', label: null },
		...{ value: null, unit: null, latitude: null, longitude: null },
	};
}
const keys = (list: AlarmList) => list.get().map((a) => a.key);

test('each is there once, the newest first', () => {
	const list = new AlarmList();
	list.add([alarm('a'), alarm('b')]);
	list.add([alarm('b'), alarm('c')]);
	expect(keys(list)).toEqual(['c', 'b', 'a']);
	list.putAway('b');
	expect(keys(list)).toEqual(['c', 'a']);
});

test('those that came long ago are put away, whenever they happened', () => {
	const list = new AlarmList();
	list.add([alarm('a')], 1000);
	list.add([alarm('b')], 2000);
	let told = 0;
	list.subscribe(() => told++);
	list.putAwayOlder(999);
	expect(keys(list)).toEqual(['b', 'a']);
	expect(told, 'nothing has changed').toBe(0);
	list.putAwayOlder(1000);
	expect(keys(list)).toEqual(['b']);
	list.putAwayOlder(2000);
	expect(keys(list)).toEqual([]);
	expect(told).toBe(2);
});
