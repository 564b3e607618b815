"""What `shiplog up` shows while this machine is not a server yet: commands to paste that deploy to it."""

import json
from shlex import quote

from app.cli.client import Api
from app.cli.installation import Installation

MACHINE = "this machine"

_COMPOSE = 'services: {web: {image: "nginx:alpine"}}'


async def first_steps(running: Installation) -> str:
    """Return the commands, for bash or zsh, that make this machine a server and deploy a service to it; or nothing.

    There is nothing to show once a server with the endpoint's address and port is there.
    """
    login = running.this_machine
    async with Api(running.url, running.token) as api:
        servers = await api.get("/servers")
        if any((server["ip"], server["port"]) == (login.host, login.port) for server in servers):
            return ""
        keys = await api.get("/security/keys")
    known = next((key["uuid"] for key in keys if key["public_key"] == login.public_key), None)
    return _commands(running, known)


def _commands(running: Installation, key_uuid: str | None) -> str:
    login = running.this_machine
    machine = {"name": MACHINE, "ip": login.host, "port": login.port, "user": login.user}
    service = {"name": "web", "environment_name": "production"}
    # Keys go through pipes: arguments can be seen by everybody on this machine.
    new_key = _post(
        "/security/keys",
        f"--rawfile k {quote(str(login.private_key))}",
        f'{{name: "{MACHINE}", private_key: $k}}',
    )
    return f"""
Deploy to this machine (paste it into bash or zsh; it needs curl and jq):

  export URL={running.url}/api/v1 TOKEN="$(cat {quote(str(running.data_dir / "token"))})"
  api() {{ curl -sS -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' "$@"; }}
  key={key_uuid or new_key}
  server={_post("/servers", '--arg k "$key"', f"{json.dumps(machine)} + {{private_key_uuid: $k}}")}
  project={_post("/projects", "", '{name: "first"}')}
  service={
        _post(
            "/services",
            f'--arg s "$server" --arg p "$project" --arg compose {quote(_COMPOSE)}',
            f"{json.dumps(service)} + {{server_uuid: $s, project_uuid: $p, docker_compose_raw: ($compose | @base64)}}",
        )
    }
  deployment=$(api "$URL/deploy?uuid=$service" -X POST | jq -r '.deployments[0].deployment_uuid')
  api "$URL/deployments/$deployment" | jq '{{status, failure_reason}}'
  api "$URL/deployments/$deployment/logs" -H 'Accept: text/plain'

Ask the last two again until the deployment has ended. A Compose file of your own: --rawfile compose docker-compose.yml
instead of --arg compose '…'.
"""


def _post(path: str, arguments: str, body: str) -> str:
    """Return the command substitution that posts a jq expression and prints the uuid of what was made."""
    words = f"jq -n {arguments}".rstrip()
    return f'$({words} {quote(body)} | api "$URL{path}" -d @- | jq -r .uuid)'
