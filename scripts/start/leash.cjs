/** Loaded into Node-RED before anything else: it ends when the process that started it is gone. */
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
