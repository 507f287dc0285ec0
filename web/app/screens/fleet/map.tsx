/** The map of the fleet for React: keeps the controller in step with the filter and the address. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { settingsQuery, trailQuery } from '../../api/queries.ts';
import type { Track } from '../../../shared/track.ts';
import { tilesOf, type Box } from '../../../shared/tiles.ts';
import { useLive } from '../../live/context.tsx';
import type { Live } from '../../live/socket.ts';
import { extentOf, hasPlace, MapController, type BaseState, type Covered, type Place } from '../../map/controller.ts';
import { canDrawMaps } from '../../map/new_map.ts';
import { IconButton } from '../../ui/controls.tsx';
import { Notice } from '../../ui/states.tsx';
import css from './map.module.css';

function parsePlace(at: string | undefined): Place | null {
	const [latitude, longitude, zoom] = (at ?? '').split(',').map(Number);
	if (latitude === undefined || longitude === undefined || zoom === undefined) return null;
	if (!(Math.abs(latitude) <= 85.06 && Math.abs(longitude) <= 180 && zoom >= 0 && zoom <= 22)) return null;
	return { latitude, longitude, zoom };
}

function formatPlace(place: Place): string {
	return `${place.latitude.toFixed(5)},${place.longitude.toFixed(5)},${place.zoom.toFixed(2)}`;
}

/** Pieces of a track, between which it is not known where the device was. */
function piecesOf(track: Track): [number, number][][] {
	const pieces: [number, number][][] = [];
	for (let i = 0; i < track.count; i++) {
		if (i === 0 || track.gap[i] === 1) pieces.push([]);
		pieces.at(-1)?.push([track.longitude[i] ?? 0, track.latitude[i] ?? 0]);
	}
	return pieces;
}

/** Around all that pass the filter; where the fleet is too large for this page, the server knows. */
function extent(live: Live, numbers: Uint32Array): Box | null {
	return live.overview === null ? extentOf(live.fleet, numbers) : live.overview.box;
}

/** By the sheet of a device, as device/sheet.module.css has it: beside the map, on a phone below it. */
function covered(isOpen: boolean, map: HTMLElement | null): Covered {
	if (!isOpen) return { right: 0, bottom: 0 };
	if (!matchMedia('(max-width: 760px)').matches) return { right: 400, bottom: 0 };
	return { right: 0, bottom: (map?.parentElement?.parentElement?.clientHeight ?? 0) * 0.62 };
}

export interface FleetMapProps {
	numbers: Uint32Array;
	/** The chosen device, and its number, as soon as that is known. */
	device: string | undefined;
	chosen: number | undefined;
	follow: boolean;
	at: string | undefined;
	/** The sheet lies over a part of the map. */
	covered: boolean;
	onPick: (number: number | null) => void;
	onMoved: (at: string) => void;
	onFollow: (on: boolean) => void;
}

export function FleetMap(props: FleetMapProps) {
	const { t } = useTranslation();
	const live = useLive();
	const queries = useQueryClient();
	const box = useRef<HTMLDivElement>(null);
	const [map, setMap] = useState<MapController | null>(null);
	const [base, setBase] = useState<BaseState>('loading');
	const [able] = useState(canDrawMaps);
	const latest = useRef(props);
	useEffect(() => {
		latest.current = props;
	});
	// Where the address names no place, the first view is the fleet; only then the address follows the map.
	const settled = useRef(parsePlace(props.at) !== null);
	const fitted = useRef(false);
	const label = t('fleet.mapLabel');

	useEffect(() => {
		if (box.current === null || !able) return;
		const start = parsePlace(latest.current.at);
		const setting = queries.query(settingsQuery).then((settings) => settings.map);
		const made = new MapController(box.current, live.fleet, (n) => live.names.title(n), label, start, setting, {
			base: setBase,
			covered: () => covered(latest.current.covered, box.current),
			ready: (ready) => {
				live.setTiles(tilesOf(ready.box()));
				setMap(ready);
			},
			pick: (n) => latest.current.onPick(n),
			moved: (place, view, byUser) => {
				live.setTiles(tilesOf(view));
				if (byUser && latest.current.follow) latest.current.onFollow(false);
				settled.current ||= byUser;
				if (settled.current) latest.current.onMoved(formatPlace(place));
			},
		});
		return () => {
			setMap(null);
			made.remove();
		};
	}, [live, queries, label, able]);

	const { numbers, device, chosen, follow } = props;
	const fitAll = () => {
		const box = extent(live, numbers);
		if (box !== null) map?.fit(box);
	};
	useEffect(() => {
		if (map === null) return;
		map.show(numbers, chosen, live.cells);
		if (!settled.current && (live.fleet.complete || live.overview !== null)) {
			const box = extent(live, numbers);
			// A chosen device that has no place yet is gone to when it gets one, the fleet until then; with no place at all there
			// is nothing to go to.
			if (chosen !== undefined && hasPlace(live.fleet, chosen)) {
				settled.current = true;
				map.centre(chosen, true);
			} else {
				settled.current = device === undefined && (fitted.current || box !== null);
				if (box !== null && !fitted.current) {
					fitted.current = true;
					map.fit(box, true);
				}
			}
		}
		if (follow && chosen !== undefined) map.centre(chosen, false);
	}, [map, live, numbers, device, chosen, follow]);

	const past = useQuery({ ...trailQuery(device ?? ''), enabled: device !== undefined }).data;
	useEffect(() => {
		if (map !== null && chosen !== undefined) map.setPast(past === undefined ? [] : piecesOf(past));
	}, [map, chosen, past]);

	// A device chosen in the list comes into view; one picked on the map is there already.
	useEffect(() => {
		if (map !== null && chosen !== undefined && settled.current && !map.sees(chosen)) map.centre(chosen, true);
	}, [map, chosen]);

	if (!able)
		return (
			<Notice icon="map" title={t('broken.noWebgl')}>
				{t('broken.noWebglHelp')}
			</Notice>
		);
	return (
		<>
			<div ref={box} className={css.map} />
			{base !== 'shown' && (
				<p className={css.hint} role="status">
					{t(base === 'loading' ? 'fleet.mapLoading' : 'fleet.mapFailed')}
				</p>
			)}
			<div className={css.controls} data-covered={covered}>
				<IconButton icon="plus" label={t('fleet.zoomIn')} onPress={() => map?.zoomBy(1)} />
				<IconButton icon="minus" label={t('fleet.zoomOut')} onPress={() => map?.zoomBy(-1)} />
				<IconButton icon="fit" label={t('fleet.fit')} onPress={fitAll} />
			</div>
		</>
	);
}
