/** Registers a tracker that was refused: it lets itself in at its next try. */
import { useTranslation } from 'react-i18next';
import { CreateDialog } from '../devices/create_dialog.tsx';

export function RegisterDialog({ imei, onClose }: { imei: string; onClose: () => void }) {
	const { t } = useTranslation();
	return (
		<CreateDialog title={t('refused.addTitle', { imei })} action={t('refused.addDo')} imei={imei} onClose={onClose} />
	);
}
