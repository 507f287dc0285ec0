/** Bytes as one reads them: where, sixteen in hex, and as letters. */
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../ui/controls.tsx';
import { hexLines } from './hex_lines.ts';
import css from './quarantine.module.css';

/** Bytes that are shown at first. */
const FEW = 1024;

export function Hex({ hex }: { hex: string }) {
	const { t } = useTranslation();
	const [all, setAll] = useState(false);
	const shown = all ? hex : hex.slice(0, 2 * FEW);
	return (
		<>
			<div className={css.hex} role="region" aria-label={t('quarantine.hex')} tabIndex={0}>
				<table>
					<tbody>
						{hexLines(shown).map((line) => (
							<tr key={line.at}>
								<th scope="row">{line.at}</th>
								<td>{line.bytes}</td>
								<td className={css.letters}>{line.letters}</td>
							</tr>
						))}
					</tbody>
				</table>
			</div>
			{shown.length < hex.length && (
				<Button onPress={() => setAll(true)}>{t('quarantine.allBytes', { count: hex.length / 2 })}</Button>
			)}
		</>
	);
}
