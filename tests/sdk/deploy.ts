// A program with the generated TypeScript client: make a service, deploy it, follow it, cancel the next one, read the history.
//
// node build/sdk/typescript/program/deploy.js URL TOKEN-FILE PROJECT-UUID SERVER-UUID COMPOSE-FILE
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

import {
  cancelDeploymentByUuid,
  createService,
  listDeploymentLogEntries,
  listDeploymentsByServiceUuid,
  restartServiceByUuid,
  startServiceByUuid,
  type DeploymentStatus,
} from './shiplog-client';
import { client } from './shiplog-client/client.gen';

const [url, tokenFile, projectUuid, serverUuid, composeFile] = process.argv.slice(2) as [string, string, string, string, string];
client.setConfig({ baseUrl: url, auth: readFileSync(tokenFile, 'utf8').trim() });

const settled: DeploymentStatus[] = ['finished', 'failed', 'cancelled-by-user'];

async function follow(uuid: string): Promise<DeploymentStatus> {
  for (let after = 0; ; await wait(200)) {
    const { data: page } = await listDeploymentLogEntries({ path: { uuid }, query: { after }, throwOnError: true });
    if (typeof page === 'string') throw new Error('The log was not asked for as text.');
    for (const entry of page.entries) console.log(entry.output);
    after = page.next_after;
    if (settled.includes(page.status) && after >= page.log_count) return page.status;
  }
}

async function main(): Promise<void> {
  const { data: service } = await createService({
    body: {
      project_uuid: projectUuid,
      environment_name: 'production',
      server_uuid: serverUuid,
      docker_compose_raw: readFileSync(composeFile).toString('base64'),
    },
    throwOnError: true,
  });
  const path = { uuid: service.uuid };

  const { data: first } = await startServiceByUuid({ path, throwOnError: true });
  console.log('first:', await follow(first.deployment_uuid));

  const { data: second } = await restartServiceByUuid({ path, body: { pull_latest_images: true }, throwOnError: true });
  await cancelDeploymentByUuid({ path: { uuid: second.deployment_uuid }, throwOnError: true });
  console.log('second:', await follow(second.deployment_uuid));

  const { data: history } = await listDeploymentsByServiceUuid({ path, throwOnError: true });
  console.log('history:', ...history.map((deployment) => deployment.status));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
