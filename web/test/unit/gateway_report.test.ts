/** What lies between two answers of a gateway: records a second, and the 99th percentile of acknowledging. */
import { describe, expect, it } from 'vitest';
import { acksOf, quantile, Samples } from '../../server/api/gateway_report.ts';

const metrics = (counts: number[]) =>
	['0.001', '0.01', '0.1', '+Inf']
		.map((le, i) => `telematics_ack_seconds_bucket{le="${le}"} ${counts[i]}\n`)
		.join('# HELP other\ntelematics_commit_seconds_bucket{le="0.001"} 7\n');

describe('the percentile of acknowledging', () => {
	const before = acksOf(metrics([100, 100, 100, 100]));
	it('reads its own histogram alone', () => {
		expect([...before]).toEqual([
			[0.001, 100],
			[0.01, 100],
			[0.1, 100],
			[Infinity, 100],
		]);
	});
	it('is of what came in between', () => {
		expect(quantile(0.99, before, acksOf(metrics([100, 200, 200, 200])))).toBeCloseTo(0.00991, 5);
		expect(quantile(0.5, before, acksOf(metrics([150, 200, 200, 200])))).toBeCloseTo(0.001, 6);
	});
	it('is not known where nothing came', () => {
		expect(quantile(0.99, before, before)).toBeNull();
	});
	it('is at least the last bound where it lies above all', () => {
		expect(quantile(0.99, before, acksOf(metrics([100, 100, 100, 200])))).toBe(0.1);
	});
});

describe('samples', () => {
	const sample = (at: number, started = 1) => ({ at, started, records: 0, acks: new Map<number, number>() });
	it('compares with the oldest of the window', () => {
		const samples = new Samples(60_000);
		expect(samples.take('a', sample(0))).toBeNull();
		expect(samples.take('a', sample(30_000))?.at).toBe(0);
		expect(samples.take('a', sample(65_000))?.at).toBe(30_000);
		expect(samples.take('b', sample(65_000))).toBeNull();
	});
	it('compares with no earlier run', () => {
		const samples = new Samples();
		samples.take('a', sample(0, 1));
		expect(samples.take('a', sample(1000, 2))).toBeNull();
	});
});
