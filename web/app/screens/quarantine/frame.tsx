/** One frame of the quarantine: what is known of it, what it says, and its bytes beside that. */
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { frameQuery, type FrameContent } from '../../api/quarantine.ts';
import { useLocale } from '../../i18n/locale.ts';
import { useAtLeast, useMe } from '../../shell/shell.tsx';
import { Icon } from '../../ui/icons.tsx';
import { Broken, Forbidden, Loading } from '../../ui/states.tsx';
import { At } from '../../ui/time.tsx';
import { useTitle } from '../../ui/title.ts';
import page from '../../ui/page.module.css';
import { Decoded } from './decoded.tsx';
import { Hex } from './hex.tsx';
import { CourseChip, MarkButtons } from './marking.tsx';
import { codecName, useCourse, useReason } from './words.ts';
import css from './quarantine.module.css';

const route = getRouteApi('/quarantine/$frame');

export function FrameScreen() {
	const { t } = useTranslation();
	const { frame: id } = route.useParams();
	const me = useMe();
	const may = useAtLeast('installer');
	const frame = useQuery({ ...frameQuery(id), enabled: may });
	useTitle(t('quarantine.frame', { id }));
	if (me === undefined) return <Loading lines={12} />;
	if (!may) return <Forbidden />;
	if (frame.data === undefined)
		return frame.isError ? <Broken error={frame.error} retry={() => void frame.refetch()} /> : <Loading lines={12} />;
	return <Content frame={frame.data} />;
}

function Content({ frame: f }: { frame: FrameContent }) {
	const { t } = useTranslation();
	const reason = useReason()(f.reason);
	const course = useCourse()(f);
	return (
		<div className={page.page}>
			<header className={page.head}>
				<Link to="/quarantine" className={page.back} aria-label={t('quarantine.title')}>
					<Icon name="back" />
				</Link>
				<h1 className={page.title}>{t('quarantine.frame', { id: f.id })}</h1>
				{course !== null && (
					<span aria-live="polite">
						<CourseChip course={course} />
					</span>
				)}
				<span className={page.grow} />
				{f.decodedAt === null && <MarkButtons frames={[f.id]} />}
			</header>
			<section className={`${page.card ?? ''} ${page.pad ?? ''}`}>
				<h2 className={page.section}>{reason.name}</h2>
				{reason.help !== '' && <p className={page.soft}>{reason.help}</p>}
				<Facts frame={f} />
			</section>
			<div className={css.columns}>
				<section className={`${page.card ?? ''} ${page.pad ?? ''}`}>
					<h2 className={page.section}>{t('quarantine.says')}</h2>
					{f.hex === null ? (
						<p className={page.soft}>{t('quarantine.hidden')}</p>
					) : f.decoded === null ? (
						<p className={page.soft}>{t('quarantine.cannotShow')}</p>
					) : (
						<Decoded decoded={f.decoded} />
					)}
				</section>
				<section className={`${page.card ?? ''} ${page.pad ?? ''}`}>
					<h2 className={page.section}>{t('quarantine.hex')}</h2>
					{f.hex === null ? <p className={page.soft}>{t('quarantine.hidden')}</p> : <Hex hex={f.hex} />}
				</section>
			</div>
		</div>
	);
}

function Facts({ frame: f }: { frame: FrameContent }) {
	const { t } = useTranslation();
	const locale = useLocale();
	const number = new Intl.NumberFormat(locale);
	const facts: [string, ReactNode][] = [
		[
			t('quarantine.device'),
			f.device === null ? (
				t('quarantine.stranger')
			) : (
				<Link to="/" search={{ device: f.device }} className={page.touch}>
					{f.deviceName ?? f.imei}
				</Link>
			),
		],
		[t('device.imei'), <span className={page.mono}>{f.imei}</span>],
		[t('quarantine.size'), t('quarantine.bytes', { n: number.format(f.bytes) })],
		...(f.codec === null ? [] : [[t('quarantine.codec'), codecName(f.codec)] as [string, ReactNode]]),
		[t('quarantine.first'), <At at={f.receivedAt} />],
		...(f.attempts > 1
			? ([
					[t('quarantine.last'), <At at={f.lastSeenAt} />],
					[t('quarantine.times'), number.format(f.attempts)],
				] as [string, ReactNode][])
			: []),
		...(f.address === null
			? []
			: [[t('device.address'), <span className={page.mono}>{f.address}</span>] as [string, ReactNode]]),
		...(f.requestedAt === null
			? []
			: [
					[
						t('quarantine.asked'),
						<>
							{f.requestedBy} · <At at={f.requestedAt} />
						</>,
					] as [string, ReactNode],
				]),
	];
	return (
		<dl className={css.facts}>
			{facts.map(([name, said]) => (
				<div key={name}>
					<dt>{name}</dt>
					<dd>{said}</dd>
				</div>
			))}
		</dl>
	);
}
