import assert from 'node:assert/strict';
import { npmFindings } from '../../scripts/test/audit.mjs';

describe('npm audit', () => {
  it('is understood: each cause once, by the id of its advisory', () => {
    const report = {
      auditReportVersion: 2,
      vulnerabilities: {
        tar: {
          name: 'tar',
          via: [
            { url: 'https://github.com/advisories/GHSA-aaaa-bbbb-cccc', title: 'Path', severity: 'high' },
          ],
        },
        npm: { name: 'npm', via: ['tar'] },
      },
    };
    assert.deepEqual(npmFindings(report), [{ id: 'GHSA-aaaa-bbbb-cccc', what: 'tar, high: Path' }]);
    assert.deepEqual(npmFindings({ auditReportVersion: 2, vulnerabilities: {} }), []);
  });

  it('without an answer is none', () => {
    for (const report of [
      undefined,
      {},
      { message: '405 Method Not Allowed' },
      { error: { code: 'ENOAUDIT' } },
    ])
      assert.equal(npmFindings(report), undefined);
  });
});
