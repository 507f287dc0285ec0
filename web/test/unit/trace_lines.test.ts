// A live trace loses no line silently: not two that come at once, and not those of a client that doesn't read.
import { expect, test } from 'vitest';
import { TraceLines, type TraceLine } from '../../server/live/trace_lines.ts';

function lines() {
	const sent: TraceLine[] = [];
	const state = { choked: false };
	return {
		sent,
		state,
		trace: new TraceLines(
			() => state.choked,
			(line) => sent.push(line),
		),
	};
}

test('lines that come at once are all sent, in their order', () => {
	const { sent, trace } = lines();
	trace.pass({ event: 'accepted' });
	trace.pass({ event: 'frame' });
	trace.end();
	expect(sent).toEqual([{ event: 'accepted' }, { event: 'frame' }]);
});

test('whoever does not read is told how many it missed, once it reads', () => {
	const { sent, state, trace } = lines();
	state.choked = true;
	trace.pass({ event: 'frame' });
	trace.pass({ event: 'ack' });
	expect(sent).toEqual([]);
	state.choked = false;
	trace.pass({ event: 'ping' });
	trace.pass({ event: 'closed' });
	expect(sent).toEqual([{ event: 'lost', events: 2 }, { event: 'ping' }, { event: 'closed' }]);
});

test('what was missed last is said at the end', () => {
	const { sent, state, trace } = lines();
	state.choked = true;
	trace.pass({ event: 'closed' });
	trace.end();
	trace.end();
	expect(sent).toEqual([{ event: 'lost', events: 1 }]);
});
