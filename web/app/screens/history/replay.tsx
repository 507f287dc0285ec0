/** The moment: a slider over the time shown, and a replay that moves it on, 1 to 60 times as fast as it was. */
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { Range } from '../../api/history.ts';
import { useLocale } from '../../i18n/locale.ts';
import { useOwn } from '../../i18n/own.ts';
import { IconButton, Select } from '../../ui/controls.tsx';
import { PACES, usePace, usePlaying, type Cursor } from './cursor.ts';
import css from './replay.module.css';

const options = PACES.map((pace) => ({ id: String(pace), label: `${pace}×` }));

export function Replay({ cursor, range, skips }: { cursor: Cursor; range: Range; skips: readonly Range[] }) {
	const { t } = useTranslation();
	const locale = useLocale();
	const { timeZone } = useOwn();
	const playing = usePlaying(cursor);
	const pace = usePace(cursor);
	const slider = useRef<HTMLInputElement>(null);
	const said = useRef<HTMLOutputElement>(null);
	useEffect(() => {
		const oneDay = range.to - range.from < 26 * 3_600_000;
		const clock = new Intl.DateTimeFormat(locale, {
			...(oneDay ? {} : { weekday: 'short', day: 'numeric' }),
			timeStyle: undefined,
			hour: '2-digit',
			minute: '2-digit',
			second: '2-digit',
			timeZone,
		});
		const follow = () => {
			const time = cursor.time();
			const text = time === null ? '–' : clock.format(time);
			if (said.current !== null) said.current.textContent = text;
			if (slider.current === null) return;
			slider.current.value = String(time ?? range.from);
			slider.current.setAttribute('aria-valuetext', text);
		};
		follow();
		return cursor.subscribe(follow);
	}, [cursor, range, locale, timeZone]);
	const toggle = () => (playing ? cursor.pause() : cursor.play(range, skips));
	// Space anywhere on the screen, unless what has the focus takes it.
	useEffect(() => {
		const key = (event: KeyboardEvent) => {
			const at = event.target instanceof Element ? event.target : document.body;
			if (event.key !== ' ' || at.closest('button, input, a, select, [role="dialog"], [role="listbox"]') !== null)
				return;
			event.preventDefault();
			if (cursor.playing()) cursor.pause();
			else cursor.play(range, skips);
		};
		document.addEventListener('keydown', key);
		return () => document.removeEventListener('keydown', key);
	}, [cursor, range, skips]);
	return (
		<div className={css.bar} role="group" aria-label={t('history.moment')}>
			<IconButton
				icon={playing ? 'pause' : 'play'}
				label={playing ? t('history.pause') : t('history.play')}
				onPress={toggle}
			/>
			<Select
				label={t('history.pace')}
				hideLabel
				compact
				options={options}
				value={String(pace)}
				onChange={(value) => cursor.setPace(Number(value))}
			/>
			<input
				ref={slider}
				className={css.slider}
				type="range"
				min={range.from}
				max={range.to}
				step={60_000}
				defaultValue={range.from}
				aria-label={t('history.moment')}
				onInput={(event) => {
					// Read first: whoever is told of the pause puts the slider where the cursor was.
					const time = Number(event.currentTarget.value);
					cursor.pause();
					cursor.set(time);
				}}
			/>
			<output ref={said} className={css.time} aria-live="off" />
		</div>
	);
}
