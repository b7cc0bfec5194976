import type { Node, NodeAPI, NodeDef } from 'node-red';
import type { AccountUser } from '../common/account.js';
import { Lease } from './lease.js';
import { type NodeLog, nodeLogger } from './logger.js';
import { type AccountConfig, uploaderOptions, verbosityOf } from './options.js';

/** The service's address and key, and the spool all its streams share. */
module.exports = function register(RED: NodeAPI): void {
  function AtomscaleAccount(this: Node<{ apiKey: unknown }>, config: NodeDef & AccountConfig) {
    RED.nodes.createNode(this, config);
    const lease = new Lease(async () => {
      const userDir = RED.settings.userDir ?? process.cwd();
      const options = uploaderOptions(config, this.credentials?.apiKey, userDir);
      const logger = nodeLogger(RED.log as unknown as NodeLog, this, verbosityOf(config));
      // Loaded for the first account in use: its HTTP client alone would take a tenth of a second of every start.
      const { Uploader } = await import('../../uploader/uploader.js');
      return Uploader.acquire({ ...options, logger });
    });
    Object.assign(this, {
      join: (user: AccountUser) => lease.join(user),
      leave: (user: AccountUser) => lease.leave(user),
    });
    this.on('close', (done: () => void) => {
      lease
        .close()
        .catch((error: Error) => this.warn(error.message))
        .finally(done);
    });
  }

  RED.nodes.registerType('atomscale-account', AtomscaleAccount, {
    credentials: { apiKey: { type: 'password' } },
  });
};
