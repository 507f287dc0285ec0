/** Which day, or week: a day back and on, today, and a calendar that marks the days with records. */
import { CalendarDate, parseDate } from '@internationalized/date';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import {
	Button as AriaButton,
	Calendar,
	CalendarCell,
	CalendarGrid,
	CalendarGridBody,
	CalendarGridHeader,
	CalendarHeaderCell,
	Dialog,
	DialogTrigger,
	Heading,
	Popover,
} from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { daysQuery } from '../../api/history.ts';
import { useLocale } from '../../i18n/locale.ts';
import { IconButton } from '../../ui/controls.tsx';
import { Icon } from '../../ui/icons.tsx';
import { useNow } from '../../ui/time.tsx';
import { ownNow } from '../../i18n/own.ts';
import { addDays, dayOf, zoneName, type Day } from '../../i18n/zone.ts';
import { weekOf, type Shown } from './days.ts';
import css from './day_picker.module.css';

function sayShown(shown: Shown, locale: string): string {
	const date = (ms: number, more: Intl.DateTimeFormatOptions) =>
		new Intl.DateTimeFormat(locale, { ...more, timeZone: ownNow().timeZone }).format(ms);
	if (shown.days === 1) return date(shown.from, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' });
	const whole = { day: 'numeric', month: 'short' } as const;
	const exact = { ...whole, hour: '2-digit', minute: '2-digit' } as const;
	const form = shown.days === null ? exact : whole;
	return new Intl.DateTimeFormat(locale, { ...form, timeZone: ownNow().timeZone }).formatRange(
		shown.from,
		shown.days === null ? shown.to : shown.to - 1,
	);
}

export function DayPicker({
	device,
	shown,
	onShow,
}: {
	device: string;
	shown: Shown;
	onShow: (from: Day, to?: Day) => void;
}) {
	const { t } = useTranslation();
	const locale = useLocale();
	const today = dayOf(useNow());
	const days = shown.days ?? 1;
	const step = (by: number) => {
		const first = addDays(shown.first, by * days);
		onShow(first, days > 1 ? addDays(first, days - 1) : undefined);
	};
	const last = dayOf(shown.to - 1);
	const week = weekOf(shown.first);
	return (
		<div className={css.picker} role="group" aria-label={t('history.choose')}>
			<IconButton icon="back" label={t('history.previous')} onPress={() => step(-1)} />
			<DialogTrigger>
				<AriaButton className={css.date ?? ''} aria-label={`${sayShown(shown, locale)}. ${t('history.choose')}`}>
					<span>{sayShown(shown, locale)}</span>
					<Icon name="down" size={14} />
				</AriaButton>
				<Popover className={css.popover ?? ''} offset={6}>
					<Dialog className={css.dialog ?? ''} aria-label={t('history.choose')}>
						{({ close }) => (
							<Month
								device={device}
								day={shown.first}
								today={today}
								onChoose={(day) => {
									close();
									onShow(day);
								}}
							/>
						)}
					</Dialog>
				</Popover>
			</DialogTrigger>
			<IconButton icon="right" label={t('history.next')} isDisabled={last >= today} onPress={() => step(1)} />
			<span className={css.quick}>
				<button
					type="button"
					className={css.pill}
					aria-pressed={shown.days === 1 && shown.first === today}
					onClick={() => onShow(today)}
				>
					{t('history.today')}
				</button>
				<button
					type="button"
					className={css.pill}
					aria-pressed={shown.days === 7 && shown.first === week.first}
					onClick={() => onShow(week.first, week.last)}
				>
					{t('history.week')}
				</button>
			</span>
		</div>
	);
}

function Month({
	device,
	day,
	today,
	onChoose,
}: {
	device: string;
	day: Day;
	today: Day;
	onChoose: (day: Day) => void;
}) {
	const { t } = useTranslation();
	const [focused, setFocused] = useState(() => parseDate(day));
	const known = useQuery(daysQuery(device, focused.toString().slice(0, 7), zoneName())).data;
	return (
		<Calendar
			aria-label={t('history.choose')}
			value={parseDate(day)}
			focusedValue={focused}
			onFocusChange={(date) => setFocused(new CalendarDate(date.year, date.month, date.day))}
			maxValue={parseDate(today)}
			onChange={(date) => onChoose(date.toString())}
		>
			<header className={css.head}>
				<AriaButton slot="previous" className={css.turn ?? ''} aria-label={t('history.previousMonth')}>
					<Icon name="back" size={16} />
				</AriaButton>
				<Heading className={css.month ?? ''} />
				<AriaButton slot="next" className={css.turn ?? ''} aria-label={t('history.nextMonth')}>
					<Icon name="right" size={16} />
				</AriaButton>
			</header>
			<CalendarGrid className={css.grid ?? ''}>
				<CalendarGridHeader>
					{(name) => <CalendarHeaderCell className={css.weekday ?? ''}>{name}</CalendarHeaderCell>}
				</CalendarGridHeader>
				<CalendarGridBody>
					{(date) => (
						<CalendarCell date={date} className={css.cell ?? ''}>
							{({ formattedDate }) => (
								<>
									{formattedDate}
									{known?.has(date.toString()) === true && (
										<span className={css.dot} role="img" aria-label={t('history.hasRecords')} />
									)}
								</>
							)}
						</CalendarCell>
					)}
				</CalendarGridBody>
			</CalendarGrid>
		</Calendar>
	);
}
