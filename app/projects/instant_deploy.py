"""Queues the first deployment of a resource for endpoints that know nothing of deployments.

Deployments stand above services and databases; what queues one is handed down through the application's state.
"""

from typing import Annotated, Protocol, cast

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller
from app.models.resource import DeployableMixin


class QueueDeployment(Protocol):
    """Queues a deployment in the session's transaction and wakes its server after the commit; raises AppError."""

    async def __call__(
        self, request: Request, session: AsyncSession, caller: Caller, resource: DeployableMixin
    ) -> None:
        """Queue a deployment of `resource` for `caller`."""
        ...


def _queue_deployment(request: Request) -> QueueDeployment:
    return cast("QueueDeployment", request.app.state.queue_deployment)


InstantDeploy = Annotated[QueueDeployment, Depends(_queue_deployment)]
