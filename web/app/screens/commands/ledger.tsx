export function CommandsScreen() { return null; }
