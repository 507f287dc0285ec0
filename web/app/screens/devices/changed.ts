/** After a change of devices: everything that the page has asked about them is asked again. */
import { useQueryClient } from '@tanstack/react-query';

const about = ['device', 'groups', 'fleet', 'refused', 'models'];

export function useDevicesChanged(): () => void {
	const queries = useQueryClient();
	return () => {
		for (const key of about) void queries.invalidateQueries({ queryKey: [key] });
	};
}
