/** Icons: strokes on a grid of 20, in the colour of the text. Always beside a word, or on a button with a label. */
import type { ReactNode } from 'react';

const shapes = {
	map: <path d="M3 5.5 8 3.5l4.5 2L17 3.5v11l-4.5 2-4.5-2-5 2zM8 3.5v11M12.5 5.5v11" />,
	list: <path d="M4 5.5h12M4 10h12M4 14.5h12" />,
	commands: <path d="M3.5 5.5h13v9h-13zM6 8.5l2 1.7-2 1.8M10 12h3.5" />,
	users: (
		<path d="M7.5 9.5a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6M2.5 16c.4-2.7 2.5-4 5-4s4.6 1.3 5 4M13 4.3a2.6 2.6 0 0 1 0 5M14.3 12.2c1.8.4 3 1.7 3.2 3.8" />
	),
	groups: <path d="M7.5 3.5h5v3.5h-5zM3 13h5v3.5H3zM12 13h5v3.5h-5zM10 7v3M5.5 13v-3h9v3" />,
	account: <path d="M10 10a3.2 3.2 0 1 0 0-6.4A3.2 3.2 0 0 0 10 10M4 16.5c.5-2.7 2.9-4.2 6-4.2s5.5 1.5 6 4.2" />,
	health: <path d="M2.5 10.5H6l2-5.5 3.6 10 2-4.5h3.9" />,
	bell: <path d="M5 14V9a5 5 0 0 1 10 0v5l1.5 1.5h-13zM8.5 17.5h3" />,
	search: <path d="M9 14a5 5 0 1 0 0-10 5 5 0 0 0 0 10M12.7 12.7 16.5 16.5" />,
	close: <path d="m5 5 10 10M15 5 5 15" />,
	plus: <path d="M10 4v12M4 10h12" />,
	minus: <path d="M4 10h12" />,
	fit: <path d="M3.5 7.5v-4h4M12.5 3.5h4v4M16.5 12.5v4h-4M7.5 16.5h-4v-4" />,
	follow: <path d="M10 13a3 3 0 1 0 0-6 3 3 0 0 0 0 6M10 2.5v2.5M10 15v2.5M2.5 10H5M15 10h2.5" />,
	check: <path d="m4.5 10.5 3.7 3.7 7.3-8" />,
	down: <path d="m5.5 8 4.5 4.5L14.5 8" />,
	right: <path d="m8 5.5 4.5 4.5L8 14.5" />,
	back: <path d="m12 5.5-4.5 4.5 4.5 4.5" />,
	warning: <path d="M10 3.5 17.5 16.5h-15zM10 8.5v3.5M10 14.2v.2" />,
	signal: <path d="M4 15.5v-2M8 15.5v-5M12 15.5v-8M16 15.5v-11" />,
	question: (
		<path d="M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14M8 8.2c.2-1.1 1-1.7 2.1-1.7 1.2 0 2.1.7 2.1 1.8 0 1.6-2.1 1.5-2.1 3.2M10.1 13.6v.2" />
	),
	theme: <path d="M10 16.5a6.5 6.5 0 1 0 0-13zM10 16.5a6.5 6.5 0 0 1 0-13" />,
	sun: (
		<path d="M10 13a3 3 0 1 0 0-6 3 3 0 0 0 0 6M10 2.5V4M10 16v1.5M2.5 10H4M16 10h1.5M4.7 4.7l1 1M14.3 14.3l1 1M15.3 4.7l-1 1M5.7 14.3l-1 1" />
	),
	moon: <path d="M16.5 11.8A6.8 6.8 0 0 1 8.2 3.5a6.8 6.8 0 1 0 8.3 8.3" />,
	out: <path d="M8 3.5H4v13h4M8 10h8.5M13.5 7l3 3-3 3" />,
	link: (
		<path d="M8.5 11.5a3 3 0 0 0 4.3 0l2.8-2.8a3 3 0 0 0-4.3-4.3L10 5.7M11.5 8.5a3 3 0 0 0-4.3 0l-2.8 2.8a3 3 0 0 0 4.3 4.3L10 14.3" />
	),
	pause: <path d="M7 5v10M13 5v10" />,
	play: <path d="M6.5 4.5v11l9-5.5z" />,
	key: <path d="M7 12.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M10.5 9h6.5v3M14 9v2" />,
	filter: <path d="M3.5 5h13M6 10h8M8.5 15h3" />,
	devices: (
		<path d="M3.5 6.500h9v7.500h-9zM8 6.500V4M5.500 3.500a3.500 3.500 0 0 1 5 0M14.500 8.500h2v5.500h-2M6 9.500h4M6 11.500h2.500" />
	),
	history: <path d="M3.500 10a6.500 6.500 0 1 0 2-4.700L3.500 7.200M3.500 3.500v3.700h3.700M10 6.500V10l2.500 1.700" />,
	upload: <path d="M10 13V4M6.500 7.200 10 3.700l3.500 3.500M3.500 12.500v4h13v-4" />,
	download: <path d="M10 3.500v9M6.500 9.200 10 12.700l3.500-3.500M3.500 12.500v4h13v-4" />,
	gateway: <path d="M3.5 4.5h13v4.5h-13zM3.5 11h13v4.5h-13zM6 6.7v.2M6 13.2v.2" />,
} as const satisfies Record<string, ReactNode>;

export type IconName = keyof typeof shapes;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
	return (
		<svg
			width={size}
			height={size}
			viewBox="0 0 20 20"
			fill="none"
			stroke="currentColor"
			strokeWidth="1.6"
			strokeLinecap="round"
			strokeLinejoin="round"
			aria-hidden="true"
		>
			{shapes[name]}
		</svg>
	);
}
