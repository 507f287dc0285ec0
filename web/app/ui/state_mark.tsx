/** The mark of a state, as on the map: a shape and a colour. */
import type { State } from '../../shared/state.ts';
import css from './state_mark.module.css';

const shapes: Record<State, React.ReactNode> = {
	moving: <path d="M0-8 5.8 6.5 0 3.8-5.8 6.500Z" />,
	standing: <rect x="-5" y="-5" width="10" height="10" rx="1.6" />,
	nofix: <path d="M0-7.2 7.2 0 0 7.2-7.2 0ZM0-2.200A2.2 2.2 0 1 0 0 2.2 2.2 2.2 0 0 0 0-2.200Z" fillRule="evenodd" />,
	silent: <path d="M-4.6-4.6 4.6 4.600M4.6-4.6-4.6 4.6" className={css.stroke} />,
	out: <circle r="4.2" className={css.ring} />,
};

export function StateMark({
	state,
	heading = 0,
	size = 16,
}: {
	state: State;
	heading?: number | undefined;
	size?: number;
}) {
	return (
		<svg className={css.mark} data-state={state} width={size} height={size} viewBox="-9 -9 18 18" aria-hidden="true">
			<g transform={state === 'moving' ? `rotate(${heading})` : undefined}>{shapes[state]}</g>
		</svg>
	);
}
