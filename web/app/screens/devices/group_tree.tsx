/** The groups as a tree, as a filter: each with all devices in it and below it. */
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { treeOf, type Node } from '../../api/group_tree.ts';
import type { Group } from '../../api/queries.ts';
import { ROOT } from '../../../shared/permissions.ts';
import { useLocale } from '../../i18n/locale.ts';
import { Icon } from '../../ui/icons.tsx';
import panes from '../../ui/panes.module.css';
import css from './group_tree.module.css';

/** The groups above one. */
function above(groups: readonly Group[], id: string | undefined): Set<string> {
	const found = new Set<string>();
	for (let at = groups.find((g) => g.id === id)?.parent; at != null && !found.has(at); ) {
		found.add(at);
		at = groups.find((g) => g.id === at)?.parent;
	}
	return found;
}

export interface GroupTreeProps {
	groups: readonly Group[];
	/** A group, or `none`; undefined: all devices. */
	chosen: string | undefined;
	/** All devices; undefined: not known yet. */
	total: number | undefined;
	/** Devices in no group are shown, too. */
	ungrouped: boolean;
	onChoose: (group: string | undefined) => void;
}

export function GroupTree({ groups, chosen, total, ungrouped, onChoose }: GroupTreeProps) {
	const { t } = useTranslation();
	const tops = treeOf(groups);
	const inGroups = tops.reduce((sum, n) => sum + n.devices, 0);
	// The root is all devices, but for those in no group.
	const shown = tops.flatMap((n) => (n.group.id === ROOT ? n.below : [n]));
	const [toggled, setToggled] = useState<ReadonlyMap<string, boolean>>(new Map());
	const opened = above(groups, chosen);
	return (
		<nav className={css.tree} aria-label={t('inventory.groups')}>
			<h2 className={panes.title}>{t('inventory.groups')}</h2>
			<ul>
				<li>
					<Entry
						label={t('inventory.allDevices')}
						devices={total ?? inGroups}
						on={chosen === undefined}
						onChoose={() => onChoose(undefined)}
					/>
				</li>
				{shown.map((node) => (
					<Branch
						key={node.group.id}
						node={node}
						depth={0}
						chosen={chosen}
						isOpen={(id) => toggled.get(id) ?? opened.has(id)}
						onToggle={(id, open) => setToggled(new Map(toggled).set(id, open))}
						onChoose={onChoose}
					/>
				))}
				{ungrouped && total !== undefined && (
					<li>
						<Entry
							label={t('inventory.noGroup')}
							devices={Math.max(0, total - inGroups)}
							on={chosen === 'none'}
							onChoose={() => onChoose('none')}
						/>
					</li>
				)}
			</ul>
		</nav>
	);
}

function Branch({
	node,
	depth,
	chosen,
	isOpen,
	onToggle,
	onChoose,
}: {
	node: Node;
	depth: number;
	chosen: string | undefined;
	isOpen: (id: string) => boolean;
	onToggle: (id: string, open: boolean) => void;
	onChoose: (group: string) => void;
}) {
	const { t } = useTranslation();
	const { id, name } = node.group;
	const open = isOpen(id);
	return (
		<li>
			<div className={css.line} data-depth={Math.min(depth, 4)}>
				{node.below.length > 0 && (
					<button
						type="button"
						className={css.toggle}
						aria-expanded={open}
						aria-label={t(open ? 'inventory.shut' : 'inventory.open', { name })}
						onClick={() => onToggle(id, !open)}
					>
						<Icon name={open ? 'down' : 'right'} size={14} />
					</button>
				)}
				<Entry label={name} devices={node.devices} on={chosen === id} onChoose={() => onChoose(id)} />
			</div>
			{open && node.below.length > 0 && (
				<ul>
					{node.below.map((below) => (
						<Branch
							key={below.group.id}
							node={below}
							depth={depth + 1}
							chosen={chosen}
							isOpen={isOpen}
							onToggle={onToggle}
							onChoose={onChoose}
						/>
					))}
				</ul>
			)}
		</li>
	);
}

function Entry({
	label,
	devices,
	on,
	onChoose,
}: {
	label: string;
	devices: number;
	on: boolean;
	onChoose: () => void;
}) {
	const number = new Intl.NumberFormat(useLocale());
	return (
		<button type="button" className={css.entry} aria-pressed={on} onClick={onChoose}>
			<span className={css.name}>{label}</span>
			<span className="unseen">, </span>
			<span className={css.count}>{number.format(devices)}</span>
		</button>
	);
}
