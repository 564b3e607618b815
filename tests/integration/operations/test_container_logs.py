"""`GET /services|databases/{uuid}/logs`: what containers have printed, without secrets."""

from pathlib import Path

from app.settings import Settings
from tests.deploying import create_database, create_service
from tests.desk import UNKNOWN_UUID, Desk, error_of
from tests.integration.this_machine import worker_on_this_machine
from tests.programs import write_program

DOCKER = """\
case "$*" in
ps*) case "$*" in *service=db*) ;; *) echo id ;; esac ;;
logs*) echo "$*" ; echo 'with secret-of-postgres_password inside' >&2 ;;
esac
"""


async def test_what_containers_print_is_read_and_redacted(desk: Desk, api_settings: Settings, tmp_path: Path) -> None:
    async with desk.sessions.begin() as session:
        service, database = await create_service(session, desk.place), await create_database(session, desk.place)
    of_service, of_database = f"/services/{service.uuid}/logs", f"/databases/{database.uuid}/logs"
    async with worker_on_this_machine(desk, api_settings, tmp_path, docker=DOCKER):
        read = await desk.ask("GET", of_database, by="read")
        assert (read.status_code, read.json()) == (200, {"logs": "logs --tail 100 id\nwith <REDACTED> inside\n"})
        asked = {"sub_service_name": "web", "lines": 7, "show_timestamps": "true"}
        first, _ = (await desk.ask("GET", of_service, params=asked)).json()["logs"].splitlines()
        assert first == "logs --tail 7 --timestamps id"
        none = await desk.ask("GET", of_service, params={"sub_service_name": "db"})
        assert (none.status_code, error_of(none)) == (400, {"message": "Service is not running."})
        assert (await desk.ask("GET", of_service)).status_code == 422
        assert (await desk.ask("GET", of_database, params={"lines": 10_001})).status_code == 422
        (part,) = (await desk.ask("GET", f"/services/{service.uuid}/applications")).json()
        of_part = f"/services/{service.uuid}/applications/{part['uuid']}/logs"
        for method in ("GET", "POST"):
            assert (await desk.ask(method, f"{of_part}?lines=7")).json()["logs"].startswith("logs --tail 7 id")
        assert (await desk.ask("GET", of_part.replace("applications", "databases"))).status_code == 404
        write_program(tmp_path / "bin" / "docker", "exit 1\n")
        assert "Docker does not answer" in (await desk.ask("GET", of_database)).json()["message"]
    away = await desk.ask("GET", of_database)
    assert (away.status_code, "does not answer" in away.json()["message"]) == (400, True)
    assert (await desk.ask("GET", f"/databases/{UNKNOWN_UUID}/logs")).status_code == 404
