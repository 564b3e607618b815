"""The plan's ServiceDeploymentTest: the row is there before anything is dispatched, and it waits as `queued`."""

from app.deployments.queue import queue_service_deployment
from app.postgres import Sessions
from tests.deploying import create_place, create_service


async def test_creates_deployment_queue_when_starting_service(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        service = await create_service(session, await create_place(session))
        queued = await queue_service_deployment(session, service)
    async with sessions() as session:
        stored = await session.get_one(type(service), service.id)
        deployment = await stored.latest_deployment()
    assert deployment is not None
    assert deployment.deployment_uuid == queued.deployment_uuid
    assert (deployment.service_name, deployment.status, deployment.is_api) == (service.name, "queued", False)


async def test_tracks_multiple_deployments_for_same_service(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        service = await create_service(session, await create_place(session))
        first = await queue_service_deployment(session, service)
        second = await queue_service_deployment(session, service)
    async with sessions() as session:
        stored = await session.get_one(type(service), service.id)
        deployments = await stored.deployments()
        assert [row.deployment_uuid for row in await stored.deployments(skip=1, take=1)] == [first.deployment_uuid]
    assert [row.deployment_uuid for row in deployments] == [second.deployment_uuid, first.deployment_uuid]
