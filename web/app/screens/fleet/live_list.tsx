/** The list where the page holds the whole fleet: sorted here, and as live as the map. */
import { useCallback } from 'react';
import { useLive } from '../../live/context.tsx';
import { latitudeOf, longitudeOf } from '../../map/mercator.ts';
import { isClockAhead, outOf } from '../../../shared/frame.ts';
import { HistoryLink, List, Row } from './list.tsx';

export function LiveList({
	numbers,
	chosen,
	onOpen,
}: {
	numbers: Uint32Array;
	chosen: string | undefined;
	onOpen: (id: string) => void;
}) {
	const { fleet, names } = useLive();
	const rowOf = useCallback((id: string) => numbers.indexOf(fleet.numberOf(id) ?? -1), [fleet, numbers]);
	return (
		<List
			count={numbers.length}
			total={numbers.length}
			idOf={(row) => fleet.ids[numbers[row] ?? -1]}
			rowOf={rowOf}
			chosen={chosen}
			onOpen={onOpen}
			row={(row) => <LiveRow number={numbers[row] ?? -1} />}
			beside={(id, row) => <HistoryLink id={id} title={names.title(numbers[row] ?? -1) ?? '…'} />}
		/>
	);
}

/** Reads the columns when it is drawn: the list is drawn anew with each change of the fleet. */
function LiveRow({ number }: { number: number }) {
	const { fleet, names } = useLive();
	const who = names.get(number);
	const state = fleet.state(number);
	if (state === null) return null;
	const x = fleet.x[number] ?? NaN;
	const place = Number.isNaN(x) ? null : { latitude: latitudeOf(fleet.y[number] ?? 0), longitude: longitudeOf(x) };
	return (
		<Row
			title={names.title(number) ?? '…'}
			plate={who?.plate ?? null}
			state={state}
			out={outOf(fleet.flags[number] ?? 0)}
			clockAhead={isClockAhead(fleet.flags[number] ?? 0)}
			heading={((fleet.heading[number] ?? 0) * 360) / 256}
			speed={fleet.speed[number] ?? 0}
			place={place}
			instead={who?.model ?? who?.imei ?? ''}
			seen={(fleet.lastSeen[number] ?? 0) * 1000}
		/>
	);
}
