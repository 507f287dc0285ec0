/**
 * Node.js opens a debugger on SIGUSR1 as long as nobody listens for that signal, and here it means the log. Imported before all
 * else, so that nothing of ours runs without it. (Its option --disable-sigusr1 would keep the signal from us as well.)
 */
process.on('SIGUSR1', () => undefined);
