/**
 * Drives a real Chromium for the end-to-end tests: one JSON object a line in ({id, do, ...}), one out ({id, ok, value} or
 * {id, error}). The tests themselves are in t/e2e, beside those of the gateway, as they need its harness.
 *
 * It keeps what a page must never do: errors in the console, violations of the policy, requests to another host.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import type { BrowserContext, Locator, Page } from 'playwright-core';
import { z } from 'zod';
import { launch } from './chromium.ts';

const require = createRequire(import.meta.url);

const Ask = z.discriminatedUnion('do', [
	z.object({ id: z.int(), do: z.literal('new'), width: z.int(), height: z.int(), dark: z.boolean(), base: z.url() }),
	z.object({ id: z.int(), do: z.literal('open'), path: z.string() }),
	z.object({
		id: z.int(),
		do: z.literal('click'),
		role: z.string(),
		name: z.string(),
		within: z.string().optional(),
	}),
	z.object({ id: z.int(), do: z.literal('download'), role: z.string(), name: z.string() }),
	z.object({ id: z.int(), do: z.literal('fill'), label: z.string(), text: z.string() }),
	z.object({ id: z.int(), do: z.literal('press'), key: z.string() }),
	z.object({ id: z.int(), do: z.literal('see'), text: z.string(), within: z.string().optional() }),
	z.object({ id: z.int(), do: z.literal('gone'), text: z.string() }),
	z.object({ id: z.int(), do: z.literal('wait'), expression: z.string() }),
	z.object({ id: z.int(), do: z.literal('value'), expression: z.string() }),
	z.object({ id: z.int(), do: z.literal('colour'), x: z.number(), y: z.number() }),
	z.object({ id: z.int(), do: z.literal('withhold'), part: z.string().nullable() }),
	z.object({ id: z.int(), do: z.literal('axe') }),
	z.object({ id: z.int(), do: z.literal('shot'), file: z.string() }),
	z.object({ id: z.int(), do: z.literal('faults') }),
]);
type Ask = z.infer<typeof Ask>;

const seconds = Number(process.env['E2E_SECONDS'] ?? '20') * 1000;
const browser = await launch();
let context: BrowserContext | null = null;
let current: Page | null = null;
let base = '';
let faults: string[] = [];

function page(): Page {
	if (current === null) throw new Error('no page is open');
	return current;
}

function watch(p: Page): void {
	// Answers of 4xx and 5xx are noted by the browser as errors, too: tests provoke them.
	p.on('console', (m) => {
		if (m.type() === 'error' && !m.text().startsWith('Failed to load resource')) faults.push(`console: ${m.text()}`);
	});
	p.on('pageerror', (error) => faults.push(`error: ${error.message}`));
	p.on('request', (request) => {
		const url = new URL(request.url());
		if (url.protocol.startsWith('http') && url.origin !== new URL(base).origin)
			faults.push(`request: ${request.url()}`);
	});
}

type Role = Parameters<Page['getByRole']>[0];

/** By asking again and again: playwright's own way needs eval in the page, which the policy forbids. */
async function waitFor(expression: string): Promise<null> {
	const deadline = Date.now() + seconds;
	for (;;) {
		// A page that is just going to another address can't answer.
		const value: unknown = await page()
			.evaluate(expression)
			.catch(() => null);
		if (value === true) return null;
		if (Date.now() > deadline) throw new Error(`not within ${seconds} ms: ${expression} (${JSON.stringify(value)})`);
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

async function visible(locator: Locator): Promise<void> {
	await locator.first().waitFor({ state: 'visible', timeout: seconds });
}

/** The colour of a point of the page as one sees it: by the browser's own decoder of the screenshot. */
async function colourAt(x: number, y: number): Promise<number[]> {
	const png = (await page().screenshot({ clip: { x, y, width: 1, height: 1 } })).toString('base64');
	const blank = await browser.newPage();
	try {
		return await blank.evaluate(async (data) => {
			const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob());
			const canvas = new OffscreenCanvas(1, 1).getContext('2d');
			canvas?.drawImage(picture, 0, 0);
			return [...(canvas?.getImageData(0, 0, 1, 1).data ?? [])].slice(0, 3);
		}, png);
	} finally {
		await blank.close();
	}
}

/** Small enough to be kept beside the pages of text. */
async function webp(): Promise<Buffer> {
	const session = await page().context().newCDPSession(page());
	try {
		const picture = await session.send('Page.captureScreenshot', { format: 'webp', quality: 82 });
		return Buffer.from(picture.data, 'base64');
	} finally {
		await session.detach();
	}
}

async function answer(ask: Ask): Promise<unknown> {
	switch (ask.do) {
		case 'new': {
			await context?.close();
			base = ask.base;
			context = await browser.newContext({
				baseURL: ask.base,
				viewport: { width: ask.width, height: ask.height },
				colorScheme: ask.dark ? 'dark' : 'light',
				locale: 'en-GB',
				reducedMotion: 'reduce',
			});
			current = await context.newPage();
			watch(current);
			return null;
		}
		case 'open':
			await page().goto(ask.path);
			return page().url();
		case 'click':
			await (ask.within === undefined ? page() : page().locator(ask.within))
				.getByRole(ask.role as Role, { name: ask.name })
				.first()
				.click({ timeout: seconds });
			return null;
		case 'download': {
			const coming = page().waitForEvent('download', { timeout: seconds });
			await page()
				.getByRole(ask.role as Role, { name: ask.name })
				.first()
				.click({ timeout: seconds });
			const file = await coming;
			return { name: file.suggestedFilename(), text: readFileSync(await file.path(), 'utf8') };
		}
		case 'fill':
			await page().getByLabel(ask.label, { exact: true }).first().fill(ask.text, { timeout: seconds });
			return null;
		case 'press':
			await page().keyboard.press(ask.key);
			return null;
		case 'see':
			await visible((ask.within === undefined ? page() : page().locator(ask.within)).getByText(ask.text));
			return null;
		case 'gone':
			await page().getByText(ask.text).first().waitFor({ state: 'hidden', timeout: seconds });
			return null;
		case 'wait':
			return waitFor(ask.expression);
		case 'value':
			return page().evaluate(ask.expression);
		case 'colour':
			return colourAt(ask.x, ask.y);
		case 'withhold': {
			const { part } = ask;
			await context?.unrouteAll({ behavior: 'wait' });
			if (part !== null)
				await context?.route(
					(url) => url.pathname.includes(part),
					(route) => route.abort(),
				);
			return null;
		}
		case 'axe': {
			await page().evaluate(readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
			const found = await page().evaluate<
				{ id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[]
			>("axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations)");
			return found
				.filter((v) => v.impact === 'serious' || v.impact === 'critical')
				.map(
					(v) =>
						`${v.impact} ${v.id}: ${v.nodes.map((n) => `${n.html.slice(0, 200)} ${n.failureSummary}`).join(' | ')}`,
				);
		}
		case 'shot':
			if (ask.file.endsWith('.webp')) writeFileSync(ask.file, await webp());
			else await page().screenshot({ path: ask.file });
			return null;
		case 'faults': {
			const told = faults;
			faults = [];
			return told;
		}
	}
}

for await (const line of createInterface({ input: process.stdin })) {
	const ask = Ask.parse(JSON.parse(line));
	try {
		process.stdout.write(`${JSON.stringify({ id: ask.id, ok: true, value: (await answer(ask)) ?? null })}\n`);
	} catch (error) {
		process.stdout.write(
			`${JSON.stringify({ id: ask.id, error: error instanceof Error ? error.message : String(error) })}\n`,
		);
	}
}
await browser.close();
