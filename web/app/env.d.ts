/// <reference types="vite/client" />
declare module 'virtual:base-map' {
	/** Address of the countries, TopoJSON. */
	export const countries: string;
	/** Address of the cities; see build/base_map.ts. */
	export const cities: string;
}
