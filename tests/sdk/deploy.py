"""A program with the generated Python client: make a service, deploy it, follow it, cancel the next one, read the history.

`build/sdk/venv/bin/python tests/sdk/deploy.py URL TOKEN-FILE PROJECT-UUID SERVER-UUID COMPOSE-FILE`
"""

import base64
import sys
import time
from pathlib import Path
from typing import TypeVar

import httpx
from shiplog_client import AuthenticatedClient
from shiplog_client.api.deployments import (
    cancel_deployment_by_uuid,
    list_deployment_log_entries,
    list_deployments_by_service_uuid,
)
from shiplog_client.api.services import create_service, restart_service_by_uuid, start_service_by_uuid
from shiplog_client.models import (
    CancelAnswer,
    DeploymentStatus,
    ErrorAnswer,
    LogPageAnswer,
    ServiceCreate,
    ServiceUuid,
    StartAnswer,
    StartOptions,
)

SETTLED = {DeploymentStatus.FINISHED, DeploymentStatus.FAILED, DeploymentStatus.CANCELLED_BY_USER}
Answer = TypeVar("Answer")


def expect(kind: type[Answer], answer: object) -> Answer:
    """Return the answer when it is of this kind; an error ends the program with its message."""
    if isinstance(answer, kind):
        return answer
    sys.exit(answer.message if isinstance(answer, ErrorAnswer) else f"{answer} is no {kind.__name__}.")


def follow(client: AuthenticatedClient, deployment_uuid: str) -> DeploymentStatus:
    """Print the log until the deployment is over."""
    after = 0
    while True:
        answer = list_deployment_log_entries.sync(deployment_uuid, client=client, after=after)
        page = expect(LogPageAnswer, answer)
        for entry in page.entries:
            print(entry.output)
        after = page.next_after
        if page.status in SETTLED and after >= page.log_count:
            return page.status
        time.sleep(0.2)


def main(url: str, token_file: str, project_uuid: str, server_uuid: str, compose_file: str) -> None:
    """Do all of it and print what came of it."""
    client = AuthenticatedClient(base_url=url, token=Path(token_file).read_text().strip(), timeout=httpx.Timeout(60))
    compose = base64.b64encode(Path(compose_file).read_bytes()).decode()
    body = ServiceCreate(
        project_uuid=project_uuid, environment_name="production", server_uuid=server_uuid, docker_compose_raw=compose
    )
    service = expect(ServiceUuid, create_service.sync(client=client, body=body))

    started = expect(StartAnswer, start_service_by_uuid.sync(service.uuid, client=client, body=StartOptions()))
    print("first:", follow(client, started.deployment_uuid).value)

    body_of_restart = StartOptions(pull_latest_images=True)
    started = expect(StartAnswer, restart_service_by_uuid.sync(service.uuid, client=client, body=body_of_restart))
    expect(CancelAnswer, cancel_deployment_by_uuid.sync(started.deployment_uuid, client=client))
    print("second:", follow(client, started.deployment_uuid).value)

    history = list_deployments_by_service_uuid.sync(service.uuid, client=client)
    print("history:", *(deployment.status.value for deployment in expect(list, history)))


if __name__ == "__main__":
    main(*sys.argv[1:])
