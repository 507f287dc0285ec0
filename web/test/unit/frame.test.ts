// The binary live frame: what is encoded comes out again; what is no frame is refused.
import { expect, it } from 'vitest';
import {
	decodeFrame,
	encodeFrame,
	FRAME_DEVICE,
	FRAME_HEADER,
	KIND_ALL,
	type FrameDevice,
} from '../../shared/frame.ts';

const device: FrameDevice = {
	number: 0xabcdef,
	latitude: -54.6872123,
	longitude: 179.9999999,
	speed: 91,
	heading: 270,
	state: 'moving',
	out: null,
	connected: true,
	ignition: true,
	lastSeen: 4_000_000_000,
};

it('keeps what it is given', () => {
	const devices: FrameDevice[] = [
		device,
		{ ...device, number: 0, latitude: null, longitude: null, state: 'out', out: 'never', ignition: null, lastSeen: 0 },
		{ ...device, number: 1, state: 'out', out: 'disabled', ignition: false, connected: false },
		{ ...device, number: 2, state: 'gone' },
	];
	const bytes = encodeFrame({ kind: KIND_ALL, asOf: 1_800_000_000_123.5, devices });
	expect(bytes.byteLength).toBe(FRAME_HEADER + devices.length * FRAME_DEVICE);
	expect(decodeFrame(bytes)).toEqual({ kind: KIND_ALL, asOf: 1_800_000_000_123.5, devices });
});

it('is 18 bytes a device, laid out as its header comment says', () => {
	const bytes = encodeFrame({
		kind: 0,
		asOf: 0,
		devices: [{ ...device, heading: 90, speed: 300, latitude: 1, longitude: -1 }],
	});
	expect(Buffer.from(bytes.subarray(16)).toString('hex')).toBe(
		'efcdab' + '80969800' + '806967ff' + 'ff' + '40' + '3b' + '00286bee',
	);
});

it.each([0, 15, 17, 35])('refuses %d bytes', (length) => {
	const bytes = new Uint8Array(length);
	bytes.set([1, 0, 0, 0, 1].slice(0, length));
	expect(() => decodeFrame(bytes)).toThrow(RangeError);
});

it('refuses another version', () => {
	const bytes = encodeFrame({ kind: 0, asOf: 0, devices: [] });
	bytes[0] = 2;
	expect(() => decodeFrame(bytes)).toThrow(RangeError);
});
