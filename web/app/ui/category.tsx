/** What kind of thing carries a device: an icon for each kind that we know, one for all others. */
import { useTranslation } from 'react-i18next';
import type { inventory } from '../i18n/en/inventory.ts';

type Known = Exclude<keyof (typeof inventory)['inventory']['category'], 'none'>;

const wheels = (...at: number[]) =>
	at.map((x) => <circle key={x} cx={x} cy={14.2} r={1.6} fill="var(--surface, none)" />);

const shapes: Record<Known, React.ReactNode> = {
	car: (
		<>
			<path d="M2.500 14v-3l1.800-4.500a1.500 1.500 0 0 1 1.400-1h8.600a1.500 1.500 0 0 1 1.400 1l1.800 4.500v3zM2.500 10.500h15" />
			{wheels(6, 14)}
		</>
	),
	van: (
		<>
			<path d="M2 14V6.500a1 1 0 0 1 1-1h8.500l4 3.800 2.500 1V14zM11 5.500v4h4.500" />
			{wheels(6, 14)}
		</>
	),
	truck: (
		<>
			<path d="M1.500 14V4.500h10V14zM13 7.500h2.500l3 3.500v3H13z" />
			{wheels(5, 8.8, 15.5)}
		</>
	),
	trailer: (
		<>
			<path d="M2 13V5h13v8zM15 12.500h3.500v2" />
			{wheels(5, 9)}
		</>
	),
	reefer: (
		<>
			<path d="M2 13V4h13v9zM15 12.500h3.500v2M8.500 5.700v5.600M6 7.100l5 2.800M11 7.100 6 9.900" />
			{wheels(5, 12)}
		</>
	),
	bus: (
		<>
			<path d="M2 14V6.500A1.500 1.500 0 0 1 3.500 5h13A1.500 1.500 0 0 1 18 6.500V14zM2 9.800h16M7.300 5v4.800M12.700 5v4.800" />
			{wheels(6, 14)}
		</>
	),
	motorcycle: (
		<path d="M5 15.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5M15 15.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5M5 13l3-4.500h5l2 4.500M13 8.500 12 6h2.500M6 7.500h3" />
	),
	machine: (
		<path d="M2.500 14.500a1.500 1.500 0 0 1 1.500-1.500h7a1.500 1.500 0 0 1 0 3H4a1.500 1.500 0 0 1-1.500-1.500M4 13V9h3.500L9 6.500h2V13M11 9.500l3-5 3.500 4-1 4-2-1" />
	),
	container: <path d="M2.500 5.500h15v9h-15zM6 7.800v4.400M8.700 7.800v4.400M11.300 7.800v4.400M14 7.800v4.400" />,
	boat: <path d="M2.500 12h15L15 16H5zM9.500 12V3.500L15 9.500H9.500" />,
	person: (
		<path d="M10 9a2.800 2.800 0 1 0 0-5.600A2.800 2.800 0 0 0 10 9M4.500 16.500c.4-3.300 2.600-5 5.500-5s5.100 1.700 5.500 5" />
	),
};

export const categories = Object.keys(shapes) as Known[];

function known(category: string | null): Known | undefined {
	return categories.find((c) => c === category?.trim().toLowerCase());
}

/** Its name, as people who made the inventory wrote it, or in the reader's language where we know the kind. */
export function useCategoryName(): (category: string) => string {
	const { t } = useTranslation();
	return (category) => {
		const kind = known(category);
		return kind === undefined ? category : t(`inventory.category.${kind}`);
	};
}

export function CategoryIcon({ category, size = 18 }: { category: string | null; size?: number }) {
	const kind = known(category);
	return (
		<svg
			width={size}
			height={size}
			viewBox="0 0 20 20"
			fill="none"
			stroke="currentColor"
			strokeWidth="1.4"
			strokeLinecap="round"
			strokeLinejoin="round"
			aria-hidden="true"
		>
			{kind === undefined ? (
				<path d="M4.500 8.500h11v6.500h-11zM10 8.500V6M7.500 4.800a3.600 3.600 0 0 1 5 0M7.500 12h1.500" />
			) : (
				shapes[kind]
			)}
		</svg>
	);
}
