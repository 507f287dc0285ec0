/** The map of the fleet for React: keeps the controller in step with the filter and the address. */
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { tilesOf } from '../../../shared/tiles.ts';
import { useLive } from '../../live/context.tsx';
import { canDrawMaps, MapController, type Place } from '../../map/controller.ts';
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

export interface FleetMapProps {
	numbers: Uint32Array;
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
	const box = useRef<HTMLDivElement>(null);
	const [map, setMap] = useState<MapController | null>(null);
	const [able] = useState(canDrawMaps);
	const latest = useRef(props);
	useEffect(() => {
		latest.current = props;
	});
	// Where the address names no place, the first view is the fleet; only then the address follows the map.
	const settled = useRef(parsePlace(props.at) !== null);
	const label = t('fleet.mapLabel');

	useEffect(() => {
		if (box.current === null || !able) return;
		const start = parsePlace(latest.current.at);
		const made = new MapController(box.current, live.fleet, (n) => live.names.title(n), label, start, {
			ready: setMap,
			pick: (n) => latest.current.onPick(n),
			moved: (place, view, byUser) => {
				live.setTiles(tilesOf(view));
				if (byUser && latest.current.follow) latest.current.onFollow(false);
				if (settled.current) latest.current.onMoved(formatPlace(place));
			},
		});
		return () => {
			setMap(null);
			made.remove();
		};
	}, [live, label, able]);

	const { numbers, chosen, follow, covered } = props;
	useEffect(() => {
		if (map === null) return;
		const phone = matchMedia('(max-width: 760px)').matches;
		// As high as the sheet of device/sheet.module.css on a phone.
		const sheet = (box.current?.parentElement?.parentElement?.clientHeight ?? 0) * 0.62;
		map.setCovered(covered && !phone ? 400 : 0, covered && phone ? sheet : 0);
		map.show(numbers, chosen);
		if (!settled.current && live.fleet.complete) {
			settled.current = true;
			if (chosen !== undefined) map.centre(chosen, true);
			else map.fit(numbers, true);
		}
		if (follow && chosen !== undefined) map.centre(chosen, false);
	}, [map, live, numbers, chosen, follow, covered]);

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
			<div className={css.controls} data-covered={covered}>
				<IconButton icon="plus" label={t('fleet.zoomIn')} onPress={() => map?.zoomBy(1)} />
				<IconButton icon="minus" label={t('fleet.zoomOut')} onPress={() => map?.zoomBy(-1)} />
				<IconButton icon="fit" label={t('fleet.fit')} onPress={() => map?.fit(numbers)} />
			</div>
		</>
	);
}
