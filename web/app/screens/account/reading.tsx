/** How one reads: language, units, time zone. The user's own, wherever they sign in. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../../api/client.ts';
import { meQuery, type Me } from '../../api/queries.ts';
import { chooseLanguage } from '../../i18n/index.ts';
import { isLanguage, languages } from '../../i18n/languages.ts';
import { useLocale } from '../../i18n/locale.ts';
import { useMeasures } from '../../i18n/measures.ts';
import { setOwn } from '../../i18n/own.ts';
import { Select } from '../../ui/controls.tsx';
import { Problem } from '../../ui/states.tsx';
import { fullTime, useNow } from '../../ui/time.tsx';
import page from '../../ui/page.module.css';

const unitLabel = { metric: 'account.metric', imperial: 'account.imperial' } as const;
const units = Object.keys(unitLabel) as (keyof typeof unitLabel)[];

interface Change {
	locale?: string | null;
	settings?: Omit<Me['settings'], 'timeZone'> & { timeZone?: string | null };
}

/** "UTC+02:00", as it is now. */
function offsetOf(zone: string): string {
	const parts = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' }).formatToParts();
	const said = parts.find((p) => p.type === 'timeZoneName')?.value.replace('GMT', '') ?? '';
	return `UTC${said === '' ? '+00:00' : said}`;
}

function zones(auto: string, chosen: string | undefined) {
	const known = Intl.supportedValuesOf('timeZone');
	const all = new Set(['UTC', ...known, ...(chosen === undefined ? [] : [chosen])]);
	return [
		{ id: '', label: auto },
		...[...all].map((zone) => ({ id: zone, label: zone.replaceAll('_', ' '), note: offsetOf(zone) })),
	];
}

export function Reading({ me }: { me: Me }) {
	const { t } = useTranslation();
	const queries = useQueryClient();
	const chosen = me.settings.timeZone;
	const auto = t('account.zoneAuto', { zone: Intl.DateTimeFormat().resolvedOptions().timeZone.replaceAll('_', ' ') });
	const zoneOptions = useMemo(() => zones(auto, chosen), [auto, chosen]);
	const save = useMutation({
		mutationFn: async (body: Change) => {
			const now = await request<Me>('PATCH', '/me', { body });
			await chooseLanguage(now.locale !== null && isLanguage(now.locale) ? now.locale : null);
			setOwn(now.settings);
			return now;
		},
		onSuccess: (now) => queries.setQueryData(meQuery.queryKey, now),
	});
	return (
		<section className={`${page.card ?? ''} ${page.pad ?? ''}`}>
			<h2 className={page.section}>{t('account.reading')}</h2>
			<div className={page.form}>
				<Select
					label={t('account.language')}
					value={me.locale ?? ''}
					options={[
						{ id: '', label: t('account.auto') },
						...Object.entries(languages).map(([id, label]) => ({ id, label })),
					]}
					isDisabled={save.isPending}
					onChange={(id) => save.mutate({ locale: id === '' ? null : id })}
				/>
				<Select
					label={t('account.units')}
					value={me.settings.units ?? 'metric'}
					options={units.map((id) => ({ id, label: t(unitLabel[id]) }))}
					isDisabled={save.isPending}
					onChange={(id) => save.mutate({ settings: { units: id } })}
				/>
				<Select
					label={t('account.zone')}
					value={chosen ?? ''}
					options={zoneOptions}
					isDisabled={save.isPending}
					onChange={(id) => save.mutate({ settings: { timeZone: id === '' ? null : id } })}
				/>
				<Example />
				<Problem error={save.error} />
			</div>
		</section>
	);
}

/** The three as they look everywhere. */
function Example() {
	const { t } = useTranslation();
	const locale = useLocale();
	const measures = useMeasures();
	const now = useNow();
	return (
		<p className={page.soft}>
			{t('account.example')} <time>{fullTime(now, locale)}</time> · {measures.speed(80)} · {measures.length(12_300)}
		</p>
	);
}
