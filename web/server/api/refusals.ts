/** Why a device is left out of what is done to many: in English for whoever calls the API, and its kind for the page's own words. */
import type { Refusal } from '../../shared/schemas.ts';

export interface Refused {
	reason: string;
	refusal: Refusal;
}

export const GONE: Refused = { reason: 'there is no such device', refusal: 'gone' };
export const TWICE: Refused = { reason: 'it stands in the list twice', refusal: 'twice' };
export const DISABLED: Refused = { reason: 'it is disabled', refusal: 'disabled' };
