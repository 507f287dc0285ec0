/**
 * What a frame says, as tgctl decodes it: records with their elements, messages with their texts, or where it stops making
 * sense. Whatever isn't known here is left out.
 */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { elementNamesQuery } from '../../api/quarantine.ts';
import { Button } from '../../ui/controls.tsx';
import { FromServer } from '../../ui/from_server.tsx';
import { asWords } from '../../ui/readings.ts';
import { Alert } from '../../ui/states.tsx';
import { Chip, PlaceText } from '../../ui/text.tsx';
import { TimedText } from '../../ui/time.tsx';
import page from '../../ui/page.module.css';
import { contentOf, type FrameMessage, type FrameRecord } from './content.ts';
import css from './quarantine.module.css';

/** Records that are shown at first. */
const FEW = 10;

export function Decoded({ decoded }: { decoded: Record<string, unknown> }) {
	const { t } = useTranslation();
	const { records, messages, error, crcOk, announced } = contentOf(decoded);
	const [all, setAll] = useState(false);
	const names = useQuery(elementNamesQuery([...new Set(records.flatMap((r) => r.io.map(([id]) => id)))].sort())).data;
	return (
		<div className={css.said}>
			{error !== null && <Alert>{t('quarantine.stops', { error })}</Alert>}
			<p className={css.chips}>
				{crcOk !== null && (
					<Chip tone={crcOk ? 'good' : 'danger'}>{t(crcOk ? 'quarantine.crcOk' : 'quarantine.crcWrong')}</Chip>
				)}
				{announced !== null && (
					<Chip>{t(messages.length > 0 ? 'quarantine.messages' : 'quarantine.records', { count: announced })}</Chip>
				)}
			</p>
			{(all ? records : records.slice(0, FEW)).map((r, i) => (
				<OneRecord key={r.hash ?? i} record={r} open={i === 0} names={names} />
			))}
			{!all && records.length > FEW && (
				<Button onPress={() => setAll(true)}>{t('quarantine.allRecords', { count: records.length })}</Button>
			)}
			{messages.map((m, i) => (
				<OneMessage key={i} message={m} />
			))}
		</div>
	);
}

function OneRecord({
	record: r,
	open,
	names,
}: {
	record: FrameRecord;
	open: boolean;
	names: ReadonlyMap<string, string | null> | undefined;
}) {
	const { t } = useTranslation();
	return (
		<details className={css.record} open={open}>
			<summary>
				<strong>{r.time === null ? t('quarantine.badTime') : <TimedText text={r.time} />}</strong>
				{r.valid && r.latitude !== null && r.longitude !== null ? (
					<span className={page.soft}>
						<PlaceText latitude={r.latitude} longitude={r.longitude} />
					</span>
				) : (
					<span className={page.faint}>{t('state.nofix')}</span>
				)}
			</summary>
			<table className={css.io}>
				<thead className="unseen">
					<tr>
						<th scope="col">{t('device.element')}</th>
						<th scope="col">{t('device.value')}</th>
					</tr>
				</thead>
				<tbody>
					{r.facts.map(([name, value]) => (
						<tr key={name}>
							<td>{t(`quarantine.fact.${name}`)}</td>
							<td className={page.mono}>{value}</td>
						</tr>
					))}
					{r.io.map(([id, value]) => (
						<tr key={id}>
							<td>
								<FromServer>{asWords(names?.get(id) ?? `io_${id}`)}</FromServer>{' '}
								<span className={page.faint}>{id}</span>
							</td>
							<td className={page.mono}>{value}</td>
						</tr>
					))}
				</tbody>
			</table>
		</details>
	);
}

function OneMessage({ message: m }: { message: FrameMessage }) {
	const { t } = useTranslation();
	return (
		<div className={css.message}>
			<p className={css.chips}>
				<Chip>{t('quarantine.messageType', { type: m.type })}</Chip>
				{m.time !== null && <TimedText text={m.time} />}
			</p>
			<code className={css.text}>{m.text ?? m.payload}</code>
		</div>
	);
}
