/** What is set, and where it is changed: the administrator reads here what stands in the configuration. */
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { configurationQuery, settingsQuery, type Configuration } from '../../api/queries.ts';
import { gatewaysQuery } from '../../api/health.ts';
import { useLocale } from '../../i18n/locale.ts';
import { AdminTabs } from '../people/admin_tabs.tsx';
import { useAtRoot, useMe } from '../../shell/shell.tsx';
import { Broken, Forbidden, Loading } from '../../ui/states.tsx';
import { Chip } from '../../ui/text.tsx';
import { useTitle } from '../../ui/title.ts';
import page from '../../ui/page.module.css';
import { keptOf } from './kept.ts';
import css from './settings.module.css';

export function SettingsScreen() {
	const { t } = useTranslation();
	const me = useMe();
	const may = useAtRoot('admin');
	const found = useQuery({ ...configurationQuery, enabled: may });
	useTitle(t('settings.title'));
	if (me === undefined) return <Loading lines={10} />;
	if (!may) return <Forbidden />;
	return (
		<div className={page.page}>
			<header>
				<h1 className={page.title}>{t('settings.title')}</h1>
				<p className={page.soft}>{t('settings.help')}</p>
			</header>
			<AdminTabs here="settings" />
			{found.data === undefined ? (
				found.isError ? (
					<Broken error={found.error} retry={() => void found.refetch()} />
				) : (
					<Loading lines={10} />
				)
			) : (
				<>
					<div className={css.columns}>
						<MapCard />
						<SignInCard configuration={found.data} />
						<KeptCard from={found.data.historyFrom} />
					</div>
					<Keys items={found.data.items} />
				</>
			)}
		</div>
	);
}

function Card({ title, children }: { title: string; children: React.ReactNode }) {
	return (
		<section className={`${page.card ?? ''} ${page.pad ?? ''}`}>
			<h2 className={page.section}>{title}</h2>
			{children}
		</section>
	);
}

function MapCard() {
	const { t } = useTranslation();
	const map = useQuery(settingsQuery).data?.map;
	return (
		<Card title={t('settings.map')}>
			{map === undefined ? (
				<Loading lines={2} />
			) : (
				<>
					<p>{t(map.kind === 'shipped' ? 'settings.mapShipped' : 'settings.mapStreets')}</p>
					{map.url !== null && <p className={css.address}>{map.url}</p>}
					{map.attribution !== null && <p className={page.soft}>{map.attribution}</p>}
				</>
			)}
			<Where name="WEB_MAP_STYLE" />
		</Card>
	);
}

function SignInCard({ configuration: { signIn, items } }: { configuration: Configuration }) {
	const { t } = useTranslation();
	const locale = useLocale();
	const number = (value: number) => new Intl.NumberFormat(locale).format(value);
	const value = (key: string) => Number(items.find((i) => i.key === key)?.value ?? 0);
	const minutes = Math.round(signIn.windowS / 60);
	return (
		<Card title={t('settings.signIn')}>
			<ul className={css.list}>
				<li>{t('settings.idle', { count: value('WEB_SESSION_IDLE_HOURS') })}</li>
				<li>{t('settings.longest', { count: value('WEB_SESSION_MAX_DAYS') })}</li>
				<li>
					{t('settings.tries', {
						minutes,
						pair: number(signIn.perNameAndAddress),
						address: number(signIn.perAddress),
						name: number(signIn.perName),
					})}
				</li>
				<li>{t('settings.requests', { requests: number(value('WEB_REQUESTS_PER_MINUTE')) })}</li>
			</ul>
			<Where name="WEB_SESSION_IDLE_HOURS, WEB_SESSION_MAX_DAYS, WEB_REQUESTS_PER_MINUTE" />
		</Card>
	);
}

function KeptCard({ from }: { from: string | null }) {
	const { t } = useTranslation();
	const locale = useLocale();
	// A day of UTC, as the gateway keeps them.
	const day = (text: string) =>
		new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }).format(Date.parse(text));
	return (
		<Card title={t('settings.kept')}>
			<p>{from === null ? t('settings.keptNothing') : t('settings.keptFrom', { day: day(from) })}</p>
			<HowLong />
		</Card>
	);
}

/** By each gateway that is asked; where none is, the key is all that can be said. */
function HowLong() {
	const { t } = useTranslation();
	const gateways = useQuery(gatewaysQuery);
	const kept = gateways.data === undefined ? null : keptOf(gateways.data);
	return (
		<>
			{kept !== null && (
				<ul className={css.list}>
					{kept.map(({ what, days }) => (
						<li key={what}>
							{t(`settings.keeps.${what}`)}: {days === 0 ? t('settings.forEver') : t('settings.days', { count: days })}
						</li>
					))}
				</ul>
			)}
			{kept?.some((k) => k.differ) === true && <p>{t('settings.keptDiffer')}</p>}
			<p className={css.where}>
				{t('settings.keptWhere')} <code>TELEM_RETENTION_DAYS</code>
				{kept !== null && (
					<>
						, <code>TELEM_RAW_RETENTION_DAYS</code>, …
					</>
				)}
			</p>
		</>
	);
}

function Where({ name }: { name: string }) {
	const { t } = useTranslation();
	return (
		<p className={css.where}>
			{t('settings.where')} <code>{name}</code>
		</p>
	);
}

function Keys({ items }: { items: Configuration['items'] }) {
	const { t } = useTranslation();
	return (
		<section className={page.card}>
			<header className={page.pad}>
				<h2 className={page.section}>{t('settings.keys')}</h2>
				<p className={page.soft}>{t('settings.keysHelp')}</p>
			</header>
			<table className={`${page.table ?? ''} ${page.stack ?? ''}`}>
				<thead>
					<tr>
						<th scope="col">{t('settings.key')}</th>
						<th scope="col">{t('settings.value')}</th>
						<th scope="col">
							<span className="unseen">{t('settings.origin')}</span>
						</th>
					</tr>
				</thead>
				<tbody>
					{items.map((item) => (
						<tr key={item.key}>
							<th scope="row" className={css.key}>
								<code>{item.key}</code>
							</th>
							<td data-wide className={css.value}>
								{item.secret ? (
									<span className={page.soft}>{t(item.set ? 'settings.secret' : 'settings.unset')}</span>
								) : item.value === null ? (
									<span className={page.soft}>{t('settings.unset')}</span>
								) : (
									<code>{item.value}</code>
								)}
							</td>
							<td className={css.origin}>{item.set && <Chip tone="info">{t('settings.set')}</Chip>}</td>
						</tr>
					))}
				</tbody>
			</table>
		</section>
	);
}
