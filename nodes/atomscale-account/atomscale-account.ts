import type { Node, NodeAPI, NodeDef } from 'node-red';
import { Uploader } from '../../uploader/uploader.js';
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
      const logger = nodeLogger(RED.log as unknown as NodeLog, this, verbosityOf(config));
      return Uploader.acquire({ ...uploaderOptions(config, this.credentials?.apiKey, userDir), logger });
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
