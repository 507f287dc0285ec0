/** Frames are marked, and a gateway does it: decode again at once, drop only after a question. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../../api/client.ts';
import type { Mark, MarkResult } from '../../api/quarantine.ts';
import { Button } from '../../ui/controls.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { FromServer } from '../../ui/from_server.tsx';
import { Problem } from '../../ui/states.tsx';
import { Chip } from '../../ui/text.tsx';
import type { Course } from './words.ts';
import page from '../../ui/page.module.css';

export function CourseChip({ course }: { course: Course }) {
	return <Chip tone={course.tone}>{course.said === true ? <FromServer>{course.text}</FromServer> : course.text}</Chip>;
}

export function MarkButtons({
	frames,
	onMarked,
}: {
	frames: readonly string[];
	onMarked?: (frames: readonly string[], result: MarkResult) => void;
}) {
	const { t } = useTranslation();
	const queries = useQueryClient();
	const [asking, setAsking] = useState(false);
	const mark = useMutation({
		mutationFn: (what: Mark) => request<MarkResult>('POST', `/quarantine/${what}`, { body: { frames } }),
		onSuccess: (result) => {
			setAsking(false);
			onMarked?.(
				frames.filter((id) => !result.refused.includes(id)),
				result,
			);
		},
		onSettled: () => queries.invalidateQueries({ queryKey: ['quarantine'] }),
	});
	return (
		<>
			<Button isDisabled={mark.isPending} onPress={() => mark.mutate('decode')}>
				{t('quarantine.decode')}
			</Button>
			<Button kind="danger" isDisabled={mark.isPending} onPress={() => setAsking(true)}>
				{t('quarantine.drop')}
			</Button>
			{!asking && <Problem error={mark.error} />}
			{asking && (
				<Dialog title={t('quarantine.dropTitle', { count: frames.length })} isOpen onClose={() => setAsking(false)}>
					<div className={page.form}>
						<p className={page.soft}>{t('quarantine.dropHelp')}</p>
						<Problem error={mark.error} />
						<div className={page.buttons}>
							<Button onPress={() => setAsking(false)}>{t('quarantine.keep')}</Button>
							<Button kind="danger" isDisabled={mark.isPending} onPress={() => mark.mutate('drop')}>
								{t('quarantine.dropDo', { count: frames.length })}
							</Button>
						</div>
					</div>
				</Dialog>
			)}
		</>
	);
}
