/** The controls of a row of devices, from left to right. Not every row has all of them. */
const order = ['select', 'name', 'model', 'map', 'history', 'question'];

/** Which of those that a row has (`there`) is nearest to the one that is wanted; -1: it has none. */
export function nearest(there: readonly string[], wanted: string): number {
	const away = there.map((control) => Math.abs(order.indexOf(control) - order.indexOf(wanted)));
	return away.indexOf(Math.min(...away));
}
