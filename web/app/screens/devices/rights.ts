/** What this user may do to which device, as far as the page can know; the server decides. */
import { useMemo } from 'react';
import type { Device, Group } from '../../api/queries.ts';
import { rank, ROOT } from '../../../shared/permissions.ts';
import { useMe } from '../../shell/shell.tsx';
import type { Option } from '../../ui/controls.tsx';
import { useTranslation } from 'react-i18next';
import { groupOptions } from '../fleet/filters.tsx';

export interface DeviceRights {
	mayEdit: (device: Pick<Device, 'group'>) => boolean;
	mayDelete: boolean;
	/** Where devices may be put; an empty id: in no group. */
	places: readonly Option<string>[];
}

export function useDeviceRights(groups: readonly Group[]): DeviceRights {
	const { t } = useTranslation();
	const isAdmin = useMe()?.admin === true;
	return useMemo(() => {
		const own = groups.filter((g) => rank(g.role) >= rank('installer'));
		const ids = new Set(own.map((g) => g.id));
		const places = groupOptions(own).map((o) => ({
			...o,
			note: undefined,
			label: o.id === ROOT ? t('people.everywhere') : o.label,
		}));
		return {
			mayEdit: ({ group }) => isAdmin || (group !== null && ids.has(group)),
			mayDelete: isAdmin,
			places: isAdmin ? [...places, { id: '', label: t('inventory.noGroup') }] : places,
		};
	}, [groups, isAdmin, t]);
}
