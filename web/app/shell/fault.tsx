/** What stands in a screen's place when it fails: the rail and the bar stay. */
import { useQueryErrorResetBoundary } from '@tanstack/react-query';
import { Component, useEffect, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../ui/controls.tsx';
import { Broken, Notice } from '../ui/states.tsx';
import { CodeMissing, reloadedSoonBefore, reloadIfServed } from './code.ts';

function Fault({ reload }: { reload: () => void }) {
	const { t } = useTranslation();
	useQueryErrorResetBoundary();
	return (
		<Notice icon="warning" title={t('broken.page')} action={<Button onPress={reload}>{t('broken.reload')}</Button>}>
			{t('broken.pageHelp')}
		</Notice>
	);
}

function Reload() {
	void reloadIfServed();
}

/** The screen's code didn't come. The page comes back by itself when the server does, or has another version. */
function Missing({ error }: { error: CodeMissing }) {
	const [helpless] = useState(() => reloadedSoonBefore(Date.now()));
	useEffect(() => {
		if (!helpless) Reload();
	}, [helpless]);
	return helpless ? <Fault reload={Reload} /> : <Broken error={error} retry={Reload} />;
}

interface Props {
	/** Names the screen: another one has its own chance. */
	of: string;
	children: ReactNode;
}

export class FaultBoundary extends Component<Props, { error: unknown }> {
	override state: { error: unknown } = { error: undefined };
	static getDerivedStateFromError(error: unknown) {
		return { error };
	}
	override componentDidUpdate(before: Props) {
		if (before.of !== this.props.of && this.state.error !== undefined) this.setState({ error: undefined });
	}
	override render() {
		const { error } = this.state;
		if (error === undefined) return this.props.children;
		return error instanceof CodeMissing ? <Missing error={error} /> : <Fault reload={() => location.reload()} />;
	}
}
