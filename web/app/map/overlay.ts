/**
 * What is written on the map: counts of cells, and names beside marks where there is room. A canvas above the map, drawn
 * with the map's own frames.
 */
import type { Map as MapLibre } from 'maplibre-gl';
import { cellRadius } from './join.ts';
import { latitudeOf, longitudeOf, mercatorX, mercatorY, worldSize } from './mercator.ts';
import { nameLeft } from './name_place.ts';
import { CHOSEN, MARK_FLOATS, type Cell, type Packed } from './pack.ts';
import type { Palette } from './palette.ts';
import { townBox, townSize } from './town_names.ts';

/** More marks than this, and only the chosen one has its name. */
const MOST_NAMES = 350;
const FAMILY = '"IBM Plex Sans Variable", sans-serif';
const FONT = `500 11px ${FAMILY}`;

/** A town that the base map names. */
export interface Town {
	name: string;
	/** Mercator. */
	x: number;
	y: number;
	/** How large it is, as the base map knows it. */
	p: number;
}

export class Overlay {
	readonly #canvas: HTMLCanvasElement;
	readonly #map: MapLibre;
	readonly #nameOf: (number: number) => string | undefined;
	#palette: Palette;
	#packed: Packed | null = null;
	#towns: readonly Town[] = [];
	#townsKey = '';

	constructor(map: MapLibre, palette: Palette, nameOf: (number: number) => string | undefined) {
		this.#map = map;
		this.#palette = palette;
		this.#nameOf = nameOf;
		this.#canvas = document.createElement('canvas');
		this.#canvas.className = 'map-overlay';
		this.#canvas.setAttribute('aria-hidden', 'true');
		map.getCanvasContainer().append(this.#canvas);
		map.on('render', this.#draw);
	}

	remove(): void {
		this.#map.off('render', this.#draw);
		this.#canvas.remove();
	}

	setPalette(palette: Palette): void {
		this.#palette = palette;
	}

	setPacked(packed: Packed): void {
		this.#packed = packed;
	}

	/** Names that stand on the map already. True: they are others than before. */
	setTowns(towns: readonly Town[]): boolean {
		const key = towns.map((t) => `${t.name} ${t.x} ${t.y}`).join();
		const isOther = key !== this.#townsKey;
		this.#towns = towns;
		this.#townsKey = key;
		return isOther;
	}

	/** The mark or the cell at a point of the map, in CSS pixels. */
	pick(x: number, y: number, reach: number): { number: number } | { cell: Cell } | null {
		const packed = this.#packed;
		if (packed === null) return null;
		const place = this.#projection();
		for (const cell of packed.cells) {
			const [cx, cy] = this.#cellPlace(packed, cell, place);
			if (Math.hypot(cx - x, cy - y) <= cellRadius(cell.count) + 2) return { cell };
		}
		let best = -1;
		let bestDistance = reach;
		for (let i = 0; i < packed.count; i++) {
			const [mx, my] = this.#mark(packed, i, place);
			const distance = Math.hypot(mx - x, my - y);
			if (distance <= bestDistance) {
				bestDistance = distance;
				best = i;
			}
		}
		return best < 0 ? null : { number: packed.numbers[best] ?? 0 };
	}

	/** Where a count stands: in the middle of its devices, but beside the chosen one, never over it. */
	#cellPlace(packed: Packed, cell: Cell, place: (x: number, y: number) => [number, number]): [number, number] {
		const [x, y] = place(cell.x, cell.y);
		const last = packed.count - 1;
		if (last < 0 || (packed.marks[last * MARK_FLOATS + 5] ?? 0) < CHOSEN) return [x, y];
		const [mx, my] = this.#mark(packed, last, place);
		const distance = Math.hypot(x - mx, y - my);
		const free = cellRadius(cell.count) + 20;
		if (distance >= free) return [x, y];
		if (distance < 0.5) return [x, y - free];
		return [mx + ((x - mx) * free) / distance, my + ((y - my) * free) / distance];
	}

	#mark(packed: Packed, i: number, place: (x: number, y: number) => [number, number]): [number, number] {
		const o = i * MARK_FLOATS;
		const m = packed.marks;
		return place((m[o] ?? 0) + (m[o + 2] ?? 0), (m[o + 1] ?? 0) + (m[o + 3] ?? 0));
	}

	#projection(): (x: number, y: number) => [number, number] {
		const centre = this.#map.getCenter();
		const at = this.#map.project(centre);
		const world = worldSize(this.#map.getZoom());
		const x0 = mercatorX(centre.lng);
		const y0 = mercatorY(centre.lat);
		return (x, y) => [at.x + (x - x0) * world, at.y + (y - y0) * world];
	}

	#draw = (): void => {
		const canvas = this.#canvas;
		const { clientWidth: width, clientHeight: height } = this.#map.getCanvas();
		const ratio = this.#map.getPixelRatio();
		if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
			canvas.width = Math.round(width * ratio);
			canvas.height = Math.round(height * ratio);
		}
		const pen = canvas.getContext('2d');
		if (pen === null) return;
		pen.setTransform(ratio, 0, 0, ratio, 0, 0);
		pen.clearRect(0, 0, width, height);
		const packed = this.#packed;
		if (packed === null) return;
		const place = this.#projection();
		this.#drawNames(pen, packed, place, width, height);
		for (const cell of packed.cells) {
			const [x, y] = this.#cellPlace(packed, cell, place);
			if (x > -40 && y > -40 && x < width + 40 && y < height + 40) this.#drawCell(pen, cell, x, y);
		}
	};

	#drawCell(pen: CanvasRenderingContext2D, cell: Cell, x: number, y: number): void {
		const { css, states } = this.#palette;
		const r = cellRadius(cell.count);
		pen.beginPath();
		pen.arc(x, y, r, 0, 2 * Math.PI);
		pen.fillStyle = css('surface');
		pen.globalAlpha = 0.94;
		pen.fill();
		pen.globalAlpha = 1;
		let from = -Math.PI / 2;
		pen.lineWidth = 3;
		cell.byState.forEach((n, state) => {
			if (n === 0) return;
			const to = from + (n / cell.count) * 2 * Math.PI;
			pen.beginPath();
			pen.arc(x, y, r - 1.5, from, to);
			pen.strokeStyle = states[state] ?? css('ink-3');
			pen.stroke();
			from = to;
		});
		pen.font = `600 ${r > 19 ? 12 : 11}px "IBM Plex Sans Variable", sans-serif`;
		pen.textAlign = 'center';
		pen.textBaseline = 'middle';
		pen.fillStyle = css('ink');
		pen.fillText(short(cell.count), x, y + 0.5);
	}

	#drawNames(
		pen: CanvasRenderingContext2D,
		packed: Packed,
		place: (x: number, y: number) => [number, number],
		width: number,
		height: number,
	): void {
		const { css } = this.#palette;
		const all = packed.count <= MOST_NAMES;
		const taken: [number, number, number, number][] = packed.cells.map((cell) => {
			const [x, y] = this.#cellPlace(packed, cell, place);
			const r = cellRadius(cell.count);
			return [x - r, y - r, x + r, y + r];
		});
		const free = (l: number, t: number, r: number, b: number) =>
			taken.every(([ol, ot, or, ob]) => r < ol || l > or || b < ot || t > ob);
		const zoom = this.#map.getZoom();
		for (const town of this.#towns) {
			const size = townSize(zoom, town.p);
			pen.font = `${size}px ${FAMILY}`;
			taken.push(townBox(...place(town.x, town.y), pen.measureText(town.name).width, size));
		}
		pen.font = FONT;
		pen.textAlign = 'left';
		pen.textBaseline = 'middle';
		pen.lineJoin = 'round';
		pen.lineWidth = 3;
		pen.strokeStyle = css('map-halo');
		if (all)
			for (let i = 0; i < packed.count; i++) {
				const [x, y] = this.#mark(packed, i, place);
				taken.push([x - 7, y - 7, x + 7, y + 7]);
			}
		// From the top layer down: what is chosen or wants attention gets its name first.
		for (let i = packed.count - 1; i >= 0; i--) {
			const chosen = (packed.marks[i * MARK_FLOATS + 5] ?? 0) >= CHOSEN;
			if (!all && !chosen) break;
			const [x, y] = this.#mark(packed, i, place);
			if (x < -20 || y < -20 || x > width + 20 || y > height + 20) continue;
			const name = this.#nameOf(packed.numbers[i] ?? 0);
			if (name === undefined) continue;
			const w = pen.measureText(name).width;
			const off = chosen ? 20 : 11;
			const l = nameLeft(x, off, w, width);
			if (l === null) continue;
			if (!chosen && !free(l, y - 6.5, l + w, y + 6.5)) continue;
			taken.push([l, y - 6.5, l + w, y + 6.5]);
			pen.strokeText(name, l, y + 0.5);
			pen.fillStyle = chosen ? css('ink') : css('ink-2');
			pen.fillText(name, l, y + 0.5);
		}
	}
}

/** As it fits into a circle: 999, 1.5k, 12k. */
function short(count: number): string {
	if (count < 1000) return String(count);
	return `${count < 9950 ? (count / 1000).toFixed(1) : Math.round(count / 1000)}k`;
}

export function cellBounds(cell: Cell): [[number, number], [number, number]] {
	return [
		[longitudeOf(cell.west), latitudeOf(cell.south)],
		[longitudeOf(cell.east), latitudeOf(cell.north)],
	];
}
