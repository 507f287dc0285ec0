/** The list where the fleet is too large for the page: the server searches and sorts, and sends what is scrolled to. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';
import { foundQuery, type Device, type DeviceFilter } from '../../api/queries.ts';
import type { Sort } from '../../live/filter.ts';
import { titleOf } from '../../live/names.ts';
import { Broken, Loading } from '../../ui/states.tsx';
import { HistoryLink, List, Row } from './list.tsx';

/** As the server calls the orders of the list. */
const sorts: Record<Sort, string> = {
	name: 'name',
	state: 'urgency',
	speed: '-speed',
	seen: '-silentSince',
	silent: 'silentSince',
};

export function FoundList({
	filter,
	sort,
	total,
	chosen,
	onOpen,
}: {
	filter: DeviceFilter;
	sort: Sort;
	total: number;
	chosen: string | undefined;
	onOpen: (id: string) => void;
}) {
	const found = useInfiniteQuery(foundQuery({ ...filter, sort: sorts[sort] }));
	const devices = useMemo(() => found.data?.pages.flatMap((page) => page.items) ?? [], [found.data]);
	const rows = useMemo(() => new Map(devices.map((device, row) => [device.id, row])), [devices]);
	const rowOf = useCallback((id: string) => rows.get(id) ?? -1, [rows]);
	const { fetchNextPage, hasNextPage, isFetchingNextPage } = found;
	const more = useCallback(() => {
		if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
	}, [fetchNextPage, hasNextPage, isFetchingNextPage]);
	if (found.data === undefined)
		return found.isError ? <Broken error={found.error} retry={() => void found.refetch()} /> : <Loading lines={12} />;
	return (
		<List
			count={devices.length}
			total={Math.max(total, devices.length)}
			idOf={(row) => devices[row]?.id}
			rowOf={rowOf}
			chosen={chosen}
			onOpen={onOpen}
			onEnd={more}
			row={(row) => <FoundRow device={devices[row]} />}
			beside={(id, row) => {
				const device = devices[row];
				return device !== undefined && <HistoryLink id={id} title={titleOf(device)} />;
			}}
		/>
	);
}

function FoundRow({ device }: { device: Device | undefined }) {
	if (device === undefined) return null;
	const { latitude, longitude, silentSince } = device;
	return (
		<Row
			title={titleOf(device)}
			plate={device.plate}
			state={device.state}
			out={device.out}
			clockAhead={device.clockAhead}
			heading={device.heading ?? 0}
			speed={device.speed ?? 0}
			place={latitude === null || longitude === null ? null : { latitude, longitude }}
			instead={device.model ?? device.imei}
			seen={silentSince === null ? 0 : Date.parse(silentSince)}
		/>
	);
}
