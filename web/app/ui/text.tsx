/** Small pieces of text: the state in words, a place, chips. */
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useMeasures } from '../i18n/measures.ts';
import type { State } from '../../shared/state.ts';
import { loadCities, placeNear, type Place } from '../map/places.ts';
import css from './text.module.css';

export function usePlaceText(): (place: Place | null) => string | null {
	const { t } = useTranslation();
	const measures = useMeasures();
	return (place) => {
		if (place === null) return null;
		if (place.direction === null) return t('place.in', { city: place.city });
		return t(`place.${place.direction}`, { far: measures.away(place.distance), city: place.city });
	};
}

export function useCities() {
	return useQuery({ queryKey: ['cities'], queryFn: loadCities, staleTime: Infinity, gcTime: Infinity }).data;
}

/** "12 km NW of Kaunas"; nothing until the cities are there. */
export function PlaceText({ latitude, longitude }: { latitude: number; longitude: number }) {
	const cities = useCities();
	const say = usePlaceText();
	if (cities === undefined) return <span className={css.faint}>…</span>;
	return (
		<span>{say(placeNear(cities, latitude, longitude)) ?? `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`}</span>
	);
}

export function StateText({ state, children }: { state: State; children: ReactNode }) {
	return (
		<span className={css.state} data-state={state}>
			{children}
		</span>
	);
}

export function Chip({
	children,
	tone = 'plain',
}: {
	children: ReactNode;
	tone?: 'plain' | 'good' | 'warning' | 'danger' | 'info' | 'plate';
}) {
	return (
		<span className={css.chip} data-tone={tone}>
			{children}
		</span>
	);
}
