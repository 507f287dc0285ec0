/** The camera, where the browser reads codes by itself: the IMEI stands on the tracker's label as one. Else nothing is shown. */
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../ui/controls.tsx';
import { imeiIn } from './luhn.ts';
import css from './install.module.css';

interface Detector {
	detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}
type Detectors = new (options: { formats: string[] }) => Detector;

const FORMATS = ['code_128', 'code_39', 'qr_code', 'data_matrix', 'ean_13'];
const EVERY_MS = 250;

function detectors(): Detectors | undefined {
	// Only pages that came by HTTPS, or from this host, have a camera.
	const found = (globalThis as { BarcodeDetector?: Detectors }).BarcodeDetector;
	return 'mediaDevices' in navigator ? found : undefined;
}

export function Scanner({ onFound }: { onFound: (imei: string) => void }) {
	const { t } = useTranslation();
	const [open, setOpen] = useState(false);
	const [problem, setProblem] = useState(false);
	if (detectors() === undefined) return <p className={css.hint}>{t('install.noScanner')}</p>;
	return (
		<>
			<Button
				icon={open ? 'close' : 'search'}
				onPress={() => {
					setProblem(false);
					setOpen(!open);
				}}
			>
				{open ? t('install.stopScan') : t('install.scan')}
			</Button>
			{problem && (
				<p className={css.hint} role="alert">
					{t('install.noCamera')}
				</p>
			)}
			{open && (
				<Camera
					onFound={(imei) => {
						setOpen(false);
						onFound(imei);
					}}
					onProblem={() => {
						setOpen(false);
						setProblem(true);
					}}
				/>
			)}
		</>
	);
}

function Camera({ onFound, onProblem }: { onFound: (imei: string) => void; onProblem: () => void }) {
	const { t } = useTranslation();
	const video = useRef<HTMLVideoElement>(null);
	const told = useRef({ onFound, onProblem });
	useEffect(() => {
		told.current = { onFound, onProblem };
	});
	useEffect(() => {
		const Made = detectors();
		const element = video.current;
		if (Made === undefined || element === null) return;
		const detector = new Made({ formats: FORMATS });
		let stream: MediaStream | null = null;
		let ended = false;
		const look = async () => {
			if (ended || element.readyState < 2) return;
			for (const { rawValue } of await detector.detect(element)) {
				const imei = imeiIn(rawValue);
				if (imei !== null && !ended) {
					ended = true;
					told.current.onFound(imei);
				}
			}
		};
		const begin = async () => {
			stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
			if (ended) return stop();
			element.srcObject = stream;
			await element.play();
		};
		const stop = () => {
			for (const track of stream?.getTracks() ?? []) track.stop();
		};
		begin().catch(() => ended || told.current.onProblem());
		// A frame that can't be read is followed by another.
		const timer = setInterval(() => void look().catch(() => undefined), EVERY_MS);
		return () => {
			ended = true;
			clearInterval(timer);
			stop();
		};
	}, []);
	return <video ref={video} className={css.video} muted playsInline aria-label={t('install.camera')} />;
}
