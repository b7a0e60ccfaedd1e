import assert from 'node:assert/strict';
import { parseProgram } from './program.ts';
import { flags, variableOf } from './settings.ts';

const pod = {
  POD_NAMESPACE: 'quiver-system',
  POD_NAME: 'quiver-operator-0',
  POD_UID: 'uid',
  POD_IPS: '10.0.0.1,fd00::1',
};

function said(args: readonly string[], env: Record<string, string> = pod): string {
  const program = parseProgram(args, env, '1.2.3');
  assert.ok(program.kind === 'Say');
  return `${program.exitCode} ${program.text}`;
}

describe('command line of the operator', () => {
  it('runs with what the pod tells and defaults', () => {
    const program = parseProgram(['run'], pod, '1.2.3');
    assert.ok(program.kind === 'Run');
    assert.deepEqual(program.settings, {
      routerConfig: '/etc/quiver/router/router.yaml',
      secrets: '/etc/quiver/fabric-secret',
      namespace: 'quiver-system',
      podName: 'quiver-operator-0',
      podUid: 'uid',
      podIps: ['10.0.0.1', 'fd00::1'],
      name: 'quiver-operator',
      authority: 'quiver-authority',
      configListen: ':9443',
      enrolListen: ':9444',
      metricsListen: ':8080',
      healthListen: ':8081',
      agentServiceAccount: 'quiver-agent',
      removesTaint: false,
      kubeconfig: '',
      logLevel: 'info',
    });
  });

  it('lets a flag win over its variable, and that over the name that users expect', () => {
    const env = { ...pod, QUIVER_NAME: 'from-variable', QUIVER_LOG_LEVEL: 'warn', LOG_LEVEL: 'debug' };
    const program = parseProgram(['run', '--name', 'from-flag', '--node-taint=true'], env, '1.2.3');
    assert.ok(program.kind === 'Run');
    const { name, logLevel, removesTaint } = program.settings;
    assert.deepEqual([name, logLevel, removesTaint], ['from-flag', 'warn', true]);
  });

  it('names the flag, its variable and the way out', () => {
    assert.match(said(['run'], {}), /^2 --namespace \(or QUIVER_NAMESPACE\) is no name of an object/);
    assert.match(said(['run', '--config-listen', '9443']), /--config-listen .* is not ADDRESS:PORT; write :9443/);
    assert.match(said(['run', '--pod-ip', 'here']), /--pod-ip .* holds no IP address/);
    assert.match(said(['run', '--node-taint', 'yes']), /--node-taint .* is neither true nor false/);
    assert.match(said(['run', '--log-levl', 'debug']), /unknown option.*\n.*--log-level/);
    assert.match(said(['retire', '--timeout', 'soon']), /--timeout soon is no duration; write 60s or 2m/);
  });

  it('retires with the lease and a limit', () => {
    const program = parseProgram(['retire', '--timeout=90s', '--namespace', 'other'], pod, '1.2.3');
    assert.ok(program.kind === 'Retire');
    const { namespace, name, timeoutMilliseconds } = program.settings;
    assert.deepEqual([namespace, name, timeoutMilliseconds], ['other', 'quiver-operator', 90_000]);
  });

  it('helps: every flag with its variable', () => {
    const help = said(['run', '--help']);
    assert.match(help, /^0 /);
    for (const { name } of flags) assert.ok(help.includes(`--${name} `) && help.includes(variableOf(name)), name);
    assert.equal(said(['--version']), '0 1.2.3\n');
    assert.match(said([]), /^2 [\s\S]*run[\s\S]*retire/);
  });
});
