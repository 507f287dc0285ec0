/**
 * What an export consists of: statements whose rows PostgreSQL writes as lines of the file, and what stands between them.
 * Pure. Cells that a spreadsheet would take for a formula begin with an apostrophe.
 */
import type { ExportFormat } from '../../shared/history.ts';
import { safeCell } from '../csv.ts';

export interface Exported {
	id: bigint;
	imei: string;
	name: string | null;
}

/** In a statement that takes no parameters; the same whatever standard_conforming_strings says. */
export function literal(text: string): string {
	return `E'${text.replace(/[\\']/g, (c) => c + c)}'`;
}

export function xml(text: string): string {
	const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
	// eslint-disable-next-line no-control-regex -- what XML can't hold
	const plain = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '');
	return plain.replace(/[&<>"]/g, (c) => names[c] ?? c);
}

const TIME = `to_char(recorded_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const CSV_HEAD =
	'imei,name,recorded_at,received_at,latitude,longitude,altitude_m,heading,speed_kmh,satellites,valid,priority,event_io_id,io\n';

/** Seconds may not be rounded up to 60 by a cast: to_char() cuts off. */
function columns(device: Exported, format: ExportFormat): string {
	if (format === 'csv')
		return `${literal(device.imei)}, ${literal(safeCell(device.name ?? ''))}, ${TIME},
			to_char(received_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), latitude, longitude, altitude, heading, speed, satellites,
			valid::text, priority, event_io_id, io`;
	if (format === 'gpx')
		return `'<trkpt lat="' || latitude || '" lon="' || longitude || '"><ele>' || altitude || '</ele><time>' || ${TIME}
			|| '</time><sat>' || satellites || '</sat><extensions><t:TrackPointExtension><t:speed>'
			|| round(speed / 3.6, 1) || '</t:speed><t:course>' || heading || '</t:course></t:TrackPointExtension></extensions></trkpt>'`;
	return `',{"type":"Feature","geometry":{"type":"Point","coordinates":[' || longitude || ',' || latitude || ',' || altitude
		|| ']},"properties":{"imei":"${device.imei}","time":"' || ${TIME} || '","speed":' || speed || ',"heading":' || heading
		|| ',"satellites":' || satellites || ',"event":' || event_io_id || '}}'`;
}

/** `from` and `to` are expressions. Only CSV has records without a place. */
export function statement(device: Exported, format: ExportFormat, from: string, to: string): string {
	return `COPY (SELECT ${columns(device, format)} FROM device_positions
		WHERE device_id = ${device.id} AND recorded_at >= ${from} AND recorded_at < ${to}
		${format === 'csv' ? '' : "AND valid AND latitude <> 'NaN' AND longitude <> 'NaN'"}
		ORDER BY recorded_at, record_hash) TO STDOUT ${format === 'csv' ? '(FORMAT csv)' : ''}`;
}

/** What stands at the beginning and end of the file, of each device and of each day. */
export interface Frame {
	head: string;
	foot: string;
	device: (device: Exported) => [string, string];
	day: [string, string];
}

export const frames: Record<ExportFormat, Frame> = {
	csv: { head: CSV_HEAD, foot: '', device: () => ['', ''], day: ['', ''] },
	gpx: {
		head:
			'<?xml version="1.0" encoding="UTF-8"?>\n<gpx version="1.1" creator="OmniTrack" xmlns="http://www.topografix.com/GPX/1/1"' +
			' xmlns:t="http://www.garmin.com/xmlschemas/TrackPointExtension/v2">\n',
		foot: '</gpx>\n',
		device: ({ imei, name }) => [`<trk><name>${xml(name ?? imei)}</name><desc>${imei}</desc>\n`, '</trk>\n'],
		day: ['<trkseg>\n', '</trkseg>\n'],
	},
	geojson: { head: '{"type":"FeatureCollection","features":[\n', foot: ']}\n', device: () => ['', ''], day: ['', ''] },
};
