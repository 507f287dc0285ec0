/** An alarm shows and sounds wherever one is: vehicle, what, when, and the way to it on the map. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client.ts';
import { meQuery, sessionsQuery, settingsQuery, type Me } from '../api/queries.ts';
import type { Alarm } from '../../shared/live.ts';
import { nearOf } from '../../shared/map_setting.ts';
import { useLive } from '../live/context.tsx';
import { Button, IconButton } from '../ui/controls.tsx';
import { Icon } from '../ui/icons.tsx';
import { Problem } from '../ui/states.tsx';
import { Ago } from '../ui/time.tsx';
import css from './alarms.module.css';

/** More are counted; on a phone there is room for one. */
const SHOWN = 3;
const SHOWN_ON_PHONE = 1;
/** What a tracker sends long after it happened is shown, and makes no noise. */
const FRESH_MS = 15 * 60_000;
/** So long an alarm stands on a display, which nobody touches. */
const DISPLAY_MS = 60_000;

let player: AudioContext | undefined;

/** Two short tones. Until somebody has touched the page, browsers keep it quiet. */
function sound(): void {
	player ??= new AudioContext();
	const audio = player;
	void audio.resume();
	const tone = (at: number, hertz: number) => {
		const source = audio.createOscillator();
		const loudness = audio.createGain();
		source.frequency.value = hertz;
		loudness.gain.setValueAtTime(0, audio.currentTime + at);
		loudness.gain.linearRampToValueAtTime(0.25, audio.currentTime + at + 0.02);
		loudness.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + at + 0.28);
		source.connect(loudness).connect(audio.destination);
		source.start(audio.currentTime + at);
		source.stop(audio.currentTime + at + 0.3);
	};
	tone(0, 880);
	tone(0.3, 660);
	// For whoever can't hear: tests and helpers.
	document.documentElement.dataset['sounded'] = String(Number(document.documentElement.dataset['sounded'] ?? 0) + 1);
}

/** Is this a display on a wall, which only shows? Asked when it begins to matter. */
function useIsDisplay(matters: boolean): boolean {
	const sessions = useQuery({ ...sessionsQuery, enabled: matters, staleTime: Infinity });
	return sessions.data?.some((s) => s.current && s.kind === 'display') ?? false;
}

const QUIET = 'omnitrack.quiet';

function isQuietHere(): boolean {
	return localStorage.getItem(QUIET) !== null;
}

/** A display can't change its user's settings: it keeps its own, in the browser. */
function useSound(me: Me | undefined, isDisplay: boolean) {
	const queries = useQueryClient();
	const [quietHere, setQuietHere] = useState(isQuietHere);
	const on = (me?.settings.sound ?? true) && !(isDisplay && quietHere);
	const { mutate, error } = useMutation({
		mutationFn: (wanted: boolean) => request<Me>('PATCH', '/me', { body: { settings: { sound: wanted } } }),
		onSuccess: (changed) => queries.setQueryData(meQuery.queryKey, changed),
	});
	const toggle = () => {
		if (!isDisplay) {
			mutate(!on);
			return;
		}
		if (quietHere) localStorage.removeItem(QUIET);
		else localStorage.setItem(QUIET, '1');
		setQuietHere(!quietHere);
	};
	return { on, toggle, error };
}

export function Alarms({ me }: { me: Me | undefined }) {
	const { t } = useTranslation();
	const live = useLive();
	const alarms = useSyncExternalStore(live.alarms.subscribe, live.alarms.get);
	const isDisplay = useIsDisplay(alarms.length > 0 || isQuietHere());
	const { on, toggle, error } = useSound(me, isDisplay);
	const near = nearOf(useQuery(settingsQuery).data?.map.kind ?? 'shipped');
	useEffect(() => {
		if (!isDisplay || alarms.length === 0) return;
		const timer = setInterval(() => live.alarms.putAwayOlder(Date.now() - DISPLAY_MS), 1000);
		return () => clearInterval(timer);
	}, [isDisplay, alarms.length, live]);
	useEffect(
		() =>
			live.alarms.hear((fresh) => {
				if (on && fresh.some((a) => live.now() - a.at < FRESH_MS)) sound();
			}),
		[live, on],
	);
	const shown = matchMedia('(max-width: 760px)').matches ? SHOWN_ON_PHONE : SHOWN;
	const more = alarms.length - shown;
	return (
		<section className={css.alarms} data-any={alarms.length > 0} aria-label={t('alarm.list')}>
			<div role="log" aria-live="assertive">
				<ul className={css.list}>
					{alarms.slice(0, shown).map((alarm) => (
						<Toast key={alarm.key} alarm={alarm} near={near} />
					))}
				</ul>
			</div>
			{alarms.length > 0 && error !== null && (
				<div className={css.problem}>
					<Problem error={error} />
				</div>
			)}
			{alarms.length > 0 && (
				<div className={css.foot}>
					{more > 0 && <span>{t('alarm.more', { count: more })}</span>}
					<Button kind="quiet" onPress={toggle}>
						{on ? t('alarm.soundOff') : t('alarm.soundOn')}
					</Button>
					{alarms.length > 1 && (
						<Button kind="quiet" onPress={() => live.alarms.putAway(null)}>
							{t('alarm.closeAll')}
						</Button>
					)}
				</div>
			)}
		</section>
	);
}

/** `near`: zoom of "Show on map". */
function Toast({ alarm, near }: { alarm: Alarm; near: number }) {
	const { t } = useTranslation();
	const live = useLive();
	const { latitude, longitude, value, unit } = alarm;
	const at = latitude === null || longitude === null ? {} : { at: `${latitude},${longitude},${near}` };
	const away = () => live.alarms.putAway(alarm.key);
	return (
		<li className={css.toast}>
			<span className={css.icon}>
				<Icon name="warning" size={18} />
			</span>
			<div className={css.words}>
				<strong className={css.title}>{alarm.title}</strong>
				<span>
					{alarm.label ?? alarm.kind.replaceAll('_', ' ')}
					{value !== null && unit !== null && unit !== '' && ` ${value} ${unit}`}
				</span>
				<span className={css.when}>
					<Ago at={alarm.at} />
				</span>
			</div>
			<IconButton icon="close" label={t('close')} onPress={away} />
			<Link to="/" search={{ device: alarm.device, ...at }} className={css.show} onClick={away}>
				{t('alarm.show')}
			</Link>
		</li>
	);
}
