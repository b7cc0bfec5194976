import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** Occupies a port of 127.0.0.1; 0 = any. */
export async function listen(port = 0): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return { server, port: typeof address === 'object' && address ? address.port : port };
}

/** Ports that nothing listened on a moment ago, for programs that must be told one. */
export async function freePorts(count: number): Promise<number[]> {
  const taken = await Promise.all(Array.from({ length: count }, () => listen()));
  await Promise.all(taken.map(({ server }) => new Promise((done) => server.close(done))));
  return taken.map(({ port }) => port);
}
