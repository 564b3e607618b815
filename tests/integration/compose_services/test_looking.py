"""`GET /services/{uuid}?look=true`: the containers as they are, and as they were when the server is away."""

import json
from pathlib import Path

from app.settings import Settings
from tests.deploying import create_service
from tests.desk import Desk
from tests.integration.this_machine import worker_on_this_machine
from tests.programs import write_program

CONTAINER = {
    "name": "u-web-1",
    "service": "web",
    "image": "web:1",
    "state": "exited",
    "health": None,
    "exit_code": 3,
    "started_at": "2026-11-24T10:00:00.123456Z",
}
DOCKER = f"case \"$1\" in ps) echo id ;; inspect) echo '{json.dumps({**CONTAINER, 'name': '/u-web-1'})}' ;; esac\n"


async def test_containers_are_seen_and_kept(desk: Desk, api_settings: Settings, tmp_path: Path) -> None:
    async with desk.sessions.begin() as session:
        service = await create_service(session, desk.place)
    path = f"/services/{service.uuid}"
    async with worker_on_this_machine(desk, api_settings, tmp_path, docker=DOCKER):
        unseen = (await desk.ask("GET", path, by="read")).json()
        assert (unseen["containers"], unseen["containers_at"]) == ([], None)

        looked = (await desk.ask("GET", path, params={"look": "true"}, by="read")).json()

        assert looked["containers"] == [CONTAINER]
        assert looked["containers_at"].endswith("Z")
        assert looked["updated_at"] == unseen["updated_at"]
        assert (await desk.ask("GET", path, by="read")).json()["containers"] == [CONTAINER]
        write_program(tmp_path / "bin" / "docker", "exit 1\n")
        silent = await desk.ask("GET", path, params={"look": "true"}, by="read")
        assert (silent.status_code, silent.json()["containers_at"]) == (200, looked["containers_at"])
    away = await desk.ask("GET", path, params={"look": "true"}, by="read")
    assert (away.status_code, away.json()["containers"]) == (200, [CONTAINER])
    assert away.json()["containers_at"] == looked["containers_at"]
