/** /healthz, /readyz and /metrics, on an address of their own, which is not for users. */
import { createServer, type Server } from 'node:http';
import type { App } from './context.ts';

export function opsServer(app: App): Server {
	return createServer((req, res) => {
		const answer = (status: number, body: string, type = 'text/plain; charset=utf-8') => {
			res.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
			res.end(body);
		};
		if (req.method !== 'GET' && req.method !== 'HEAD') return answer(405, 'GET only\n');
		switch (req.url) {
			case '/healthz':
				return answer(200, 'ok\n');
			case '/readyz': {
				const status = app.fleet.status();
				return status.state === 'away' ? answer(503, `${status.reason ?? 'away'}\n`) : answer(200, 'ok\n');
			}
			case '/metrics':
				app.metrics.metrics().then(
					(text) => answer(200, text, app.metrics.contentType),
					() => answer(500, 'no metrics\n'),
				);
				return;
			default:
				return answer(404, '/healthz, /readyz or /metrics\n');
		}
	});
}
