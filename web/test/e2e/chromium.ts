/** The Chromium that tests and measurements drive. */
import { chromium, type Browser } from 'playwright-core';

export function launch(): Promise<Browser> {
	return chromium.launch({
		executablePath: process.env['E2E_CHROMIUM'] ?? '/usr/bin/chromium',
		// As root there is no sandbox; the map is drawn by the processor.
		args: [
			'--no-sandbox',
			'--use-gl=angle',
			'--use-angle=swiftshader',
			'--enable-unsafe-swiftshader',
			'--ignore-gpu-blocklist',
		],
	});
}
