/** What `tgctl raw show` says of a frame, read with care: its form is not a contract of the API. Pure. */

type Fact = 'latitude' | 'longitude' | 'altitude' | 'speed' | 'heading' | 'satellites' | 'priority' | 'event_io_id';
const factNames: readonly Fact[] = [
	'latitude',
	'longitude',
	'altitude',
	'speed',
	'heading',
	'satellites',
	'priority',
	'event_io_id',
];

export interface FrameRecord {
	hash: string | null;
	/** As tgctl writes it; null: no time that there is. */
	time: string | null;
	latitude: number | null;
	longitude: number | null;
	valid: boolean;
	facts: [Fact, string][];
	io: [string, string][];
}

export interface FrameMessage {
	type: string;
	time: string | null;
	text: string | null;
	payload: string;
}

export interface FrameSays {
	records: FrameRecord[];
	messages: FrameMessage[];
	/** Where it stops making sense. */
	error: string | null;
	crcOk: boolean | null;
	/** How many it says it has. */
	announced: number | null;
}

type Raw = Record<string, unknown>;

function objects(value: unknown): Raw[] {
	return Array.isArray(value) ? value.filter((v): v is Raw => typeof v === 'object' && v !== null) : [];
}

const text = (value: unknown) => (typeof value === 'string' ? value : null);
const number = (value: unknown) => (typeof value === 'number' ? value : null);

function said(value: unknown): string {
	return typeof value === 'string' ? value : JSON.stringify(value);
}

function recordOf(raw: Raw): FrameRecord {
	const io = typeof raw['io'] === 'object' && raw['io'] !== null ? (raw['io'] as Raw) : {};
	return {
		hash: text(raw['record_hash']),
		time: text(raw['recorded_at']),
		latitude: number(raw['latitude']),
		longitude: number(raw['longitude']),
		valid: raw['valid'] === true,
		facts: factNames.flatMap((name) => (raw[name] === undefined ? [] : [[name, said(raw[name])] as [Fact, string]])),
		io: Object.entries(io).map(([id, value]) => [id, said(value)]),
	};
}

export function contentOf(decoded: Raw): FrameSays {
	return {
		records: objects(decoded['records']).map(recordOf),
		messages: objects(decoded['messages']).map((m) => ({
			type: said(m['type'] ?? ''),
			time: text(m['message_time']),
			text: text(m['text']),
			payload: text(m['payload']) ?? '',
		})),
		error: text(decoded['error']),
		crcOk: typeof decoded['crc_ok'] === 'boolean' ? decoded['crc_ok'] : null,
		announced: number(decoded['count']),
	};
}
