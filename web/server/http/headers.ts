/** Headers that routes read, with what they may hold. */
import { z } from 'zod';

const Tag = z
	.string()
	.regex(/^(?:\*|"[A-Za-z0-9_-]{1,40}"(?:\s*,\s*"[A-Za-z0-9_-]{1,40}")*)$/)
	.meta({ description: 'the ETag of what is to be changed, or several with commas' });
const Key = z
	.string()
	.regex(/^[\x21-\x7e]{1,200}$/)
	.meta({ description: 'sent again, the same key does nothing again' });

export const ifMatch = { 'If-Match': Tag };
export const idempotencyKey = { 'Idempotency-Key': Key };
