/** `node sandbox/main.mts [--port 8480] [--folder DIR]`: the sandbox for people. */
import { parseArgs } from 'node:util';
import { startSandbox } from './server.mts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: process.env.SANDBOX_PORT ?? '8480' },
    folder: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});

if (values.help) {
  console.log('node sandbox/main.mts [--port 8480] [--folder DIR]   (SANDBOX_PORT sets the port, too)');
} else {
  await run();
}

async function run(): Promise<void> {
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    return fail(`--port: expected a whole number from 0 to 65535, got ${values.port}`);
  }
  try {
    const sandbox = await startSandbox({
      port,
      quiet: false,
      ...(values.folder !== undefined && { folder: values.folder }),
    });
    console.log(`Atomscale sandbox on ${sandbox.url}, streams in ${sandbox.folder}`);
    const stop = () => void sandbox.close().then(() => process.exit(0));
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE') return fail(message);
    fail(`port ${port} is taken; stop what listens there, or choose another with --port or SANDBOX_PORT`);
  }
}

function fail(message: string): void {
  console.error(`sandbox: ${message}`);
  process.exitCode = 1;
}
