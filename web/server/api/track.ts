/** devices/…/track: where a device was, packed for a map. */
import { OneDevice, TrackQuery } from '../../shared/history.ts';
import { TRACK_TYPE } from '../../shared/track.ts';
import { readRecords } from '../history/read.ts';
import { packTrack, type Box } from '../history/simplify.ts';
import { route } from '../http/route.ts';
import { deviceOf, rangeOf } from './history_range.ts';

function boxOf(text: string | undefined): Box | null {
	if (text === undefined) return null;
	const [west = 0, south = 0, east = 0, north = 0] = text.split(',').map(Number);
	return { west, south, east, north };
}

export const trackRoutes = [
	route({
		method: 'get',
		path: '/devices/:device/track',
		action: 'device.history',
		tag: 'history',
		summary: 'Where it was, packed for a map: as few points as look the same, with speeds and gaps',
		params: OneDevice,
		query: TrackQuery,
		produces: [TRACK_TYPE],
		// A live trail asks again and again.
		passive: true,
		async handler(ctx) {
			const { app, query, res } = ctx;
			const range = rangeOf(app, query);
			const { records, pieces } = await readRecords(app, deviceOf(ctx).id, range);
			const bytes = packTrack(records, pieces, { range, zoom: query.zoom, box: boxOf(query.box) });
			res.type(TRACK_TYPE).send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
		},
	}),
];
