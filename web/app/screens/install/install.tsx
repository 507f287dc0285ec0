/** For a phone in the car: is this tracker registered, connected, sending, with a fix and its ignition? The list fills by itself. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../../api/client.ts';
import { installStateQuery, refusedOfQuery, type DeviceState } from '../../api/queries.ts';
import { useLive } from '../../live/context.tsx';
import { titleOf } from '../../live/names.ts';
import { useAtLeast, useAtRoot, useMe } from '../../shell/shell.tsx';
import { Button, buttonClass, TextField } from '../../ui/controls.tsx';
import { Icon } from '../../ui/icons.tsx';
import { Broken, Forbidden, Loading, Problem } from '../../ui/states.tsx';
import { PlaceText } from '../../ui/text.tsx';
import { Ago, useNow } from '../../ui/time.tsx';
import { useTitle } from '../../ui/title.ts';
import page from '../../ui/page.module.css';
import { RegisterDialog } from '../refused/register_dialog.tsx';
import { judge, lastRecord, steps, type Against, type Step } from './checks.ts';
import { hasRightCheckDigit } from './luhn.ts';
import { Scanner } from './scanner.tsx';
import css from './install.module.css';

const route = getRouteApi('/install');

export function InstallScreen() {
	const { t } = useTranslation();
	const { imei } = route.useSearch();
	const navigate = route.useNavigate();
	const me = useMe();
	const may = useAtLeast('installer');
	useTitle(t('install.title'));
	if (me === undefined) return <Loading lines={6} />;
	if (!may) return <Forbidden />;
	return (
		<div className={`${page.page ?? ''} ${css.page ?? ''}`}>
			<header>
				<h1 className={page.title}>{t('install.title')}</h1>
				<p className={page.soft}>{t('install.help')}</p>
			</header>
			{imei === undefined ? (
				<Ask onAsk={(found) => void navigate({ search: { imei: found } })} />
			) : (
				<Check key={imei} imei={imei} onOther={() => void navigate({ search: {} })} />
			)}
		</div>
	);
}

function Ask({ onAsk }: { onAsk: (imei: string) => void }) {
	const { t } = useTranslation();
	const [text, setText] = useState('');
	const digits = text.replace(/\D/g, '');
	const whole = digits.length === 15;
	return (
		<form
			className={`${page.card ?? ''} ${page.pad ?? ''} ${page.form ?? ''}`}
			onSubmit={(event) => {
				event.preventDefault();
				if (whole) onAsk(digits);
			}}
		>
			<TextField
				label={t('device.imei')}
				value={text}
				onChange={setText}
				inputMode="numeric"
				autoComplete="off"
				autoFocus
				mono
				hint={whole && !hasRightCheckDigit(digits) ? t('install.checkDigit') : t('install.imeiHint')}
			/>
			<Scanner onFound={onAsk} />
			<div className={page.buttons}>
				<Button kind="primary" type="submit" isDisabled={!whole}>
					{t('install.begin')}
				</Button>
			</div>
		</form>
	);
}

/** Ignition on and off, as far as it was seen since the check began. */
function useToggled(ignition: boolean | null): { seenOn: boolean; seenOff: boolean } {
	const [seen, setSeen] = useState({ seenOn: false, seenOff: false });
	const isNew = ignition === true ? !seen.seenOn : ignition === false && !seen.seenOff;
	if (isNew) setSeen({ seenOn: seen.seenOn || ignition === true, seenOff: seen.seenOff || ignition === false });
	return seen;
}

function Check({ imei, onOther }: { imei: string; onOther: () => void }) {
	const { t } = useTranslation();
	const live = useLive();
	const now = useNow();
	const atRoot = useAtRoot('installer');
	const found = useQuery(installStateQuery(imei));
	const state = found.data ?? undefined;
	const refused = useQuery({ ...refusedOfQuery(imei), enabled: atRoot && found.data === null }).data;
	const toggled = useToggled(state?.device.ignition ?? null);
	const [registering, setRegistering] = useState(false);
	if (found.data === undefined)
		return found.isError ? <Broken error={found.error} retry={() => void found.refetch()} /> : <Loading lines={6} />;
	const against = judge({ state, refused, ...toggled, now: now + live.ahead });
	const done = steps.filter((step) => against[step] === null).length;
	return (
		<>
			<section className={`${page.card ?? ''} ${css.card ?? ''}`} aria-label={t('install.list')}>
				<header className={css.head}>
					<strong>{state === undefined ? imei : titleOf(state.device)}</strong>
					{state !== undefined && <span className={`${page.mono ?? ''} ${page.soft ?? ''}`}>{imei}</span>}
					<span className={css.count} role="status">
						{t('install.done', { done, all: steps.length })}
					</span>
				</header>
				<ol className={css.steps}>
					{steps.map((step) => (
						<StepRow key={step} step={step} against={against[step]} state={state}>
							{step === 'registered' && state === undefined && (
								<Button kind="primary" icon="plus" onPress={() => setRegistering(true)}>
									{t('install.register')}
								</Button>
							)}
							{step === 'registered' && against.registered === 'disabled' && <Enable imei={imei} />}
						</StepRow>
					))}
				</ol>
			</section>
			{done === steps.length && (
				<p className={css.ready} role="status">
					<Icon name="check" /> {t('install.ready')}
				</p>
			)}
			<div className={css.ways}>
				{state !== undefined && (
					<>
						<Link to="/" search={{ device: state.device.id }} className={buttonClass('plain')}>
							{t('alarm.show')}
						</Link>
						<Link to="/devices/$device/why" params={{ device: state.device.id }} className={buttonClass('plain')}>
							{t('device.whyNot')}
						</Link>
					</>
				)}
				<Button kind={done === steps.length ? 'primary' : 'plain'} onPress={onOther}>
					{t('install.other')}
				</Button>
			</div>
			{registering && <RegisterDialog imei={imei} onClose={() => setRegistering(false)} />}
		</>
	);
}

function Enable({ imei }: { imei: string }) {
	const { t } = useTranslation();
	const queries = useQueryClient();
	const enable = useMutation({
		mutationFn: () => request('PATCH', `/devices/imei:${imei}`, { body: { enabled: true } }),
		onSettled: () => queries.invalidateQueries({ queryKey: ['device'] }),
	});
	return (
		<>
			<Button isDisabled={enable.isPending} onPress={() => enable.mutate()}>
				{t('refused.enable')}
			</Button>
			<Problem error={enable.error} />
		</>
	);
}

function StepRow({
	step,
	against,
	state,
	children,
}: {
	step: Step;
	against: Against | null;
	state: DeviceState | undefined;
	children: React.ReactNode;
}) {
	const { t } = useTranslation();
	const tone = against === null ? 'good' : against === 'waits' ? 'waits' : 'open';
	return (
		<li className={css.step} data-tone={tone}>
			<span className={css.sign}>
				<Icon name={against === null ? 'check' : against === 'waits' ? 'minus' : 'warning'} size={18} />
			</span>
			<div className={css.words}>
				<h2 className={css.name}>
					{t(`install.step.${step}`)}
					<span className="unseen">: {t(`install.tone.${tone}`)}</span>
				</h2>
				<p className={page.soft}>
					{against === null ? <Fact step={step} state={state} /> : t(`install.against.${against}`)}
				</p>
				{children}
			</div>
		</li>
	);
}

/** What is known of a step that is done. */
function Fact({ step, state }: { step: Step; state: DeviceState | undefined }) {
	const { t } = useTranslation();
	if (state === undefined) return null;
	const { device, session } = state;
	if (step === 'registered') return device.model ?? t('install.known');
	if (step === 'connected') return [session.gateway, session.address].filter((s) => s !== null).join(' · ');
	const last = lastRecord(state);
	if (step === 'records') return last === null ? null : <Ago at={Date.parse(last)} sentence />;
	if (step === 'ignition') return t('install.toggled');
	return device.latitude === null || device.longitude === null ? null : (
		<PlaceText latitude={device.latitude} longitude={device.longitude} />
	);
}
