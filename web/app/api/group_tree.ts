/** The groups that one may see, as trees. */
import type { Group } from './queries.ts';

export interface Node {
	group: Group;
	/** In it and below it. */
	devices: number;
	below: Node[];
}

/** The tops of what one may see, by name. */
export function treeOf(groups: readonly Group[]): Node[] {
	const known = new Set(groups.map((g) => g.id));
	const nodeOf = (group: Group): Node => {
		const below = groups.filter((g) => g.parent === group.id).map(nodeOf);
		below.sort((a, b) => a.group.name.localeCompare(b.group.name));
		return { group, below, devices: below.reduce((sum, n) => sum + n.devices, group.devices) };
	};
	const tops = groups.filter((g) => g.parent === null || !known.has(g.parent)).map(nodeOf);
	return tops.sort((a, b) => a.group.name.localeCompare(b.group.name));
}

/** All but this one and those below it: where it may stand. */
export function outside(groups: readonly Group[], id: string): Group[] {
	const within = new Set([id]);
	// A set that grows while it is walked: what stands below what stands below.
	for (const above of within) for (const g of groups) if (g.parent === above) within.add(g.id);
	return groups.filter((g) => !within.has(g.id));
}

/** As a list: each below its parent, with the steps to it from its top. */
export function inOrder(nodes: readonly Node[], depth = 0): (Node & { depth: number })[] {
	return nodes.flatMap((node) => [{ ...node, depth }, ...inOrder(node.below, depth + 1)]);
}
