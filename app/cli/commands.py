"""Everything that can be typed after `shiplog`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from app.cli import deployment_commands, history_commands, key_commands, notify_commands, resource_commands
from app.cli.login_commands import add_login_commands
from app.cli.options import AsJson

# Tracebacks as Python prints them: Typer's show the values of variables.
application = typer.Typer(
    name="shiplog",
    help="Deploys Docker Compose services and databases to your own servers over SSH and keeps the log of every "
    "deployment.",
    epilog="Exit codes: 0 done, 1 refused or failed, 2 called or configured wrongly, 3 the API did not start, 130 cancelled "
    "or interrupted. Try it: shiplog demo. Small installations and development: shiplog up. Production: shiplog migrate, "
    "shiplog init, then shiplog api and shiplog worker, any number of each, configured by SHIPLOG_DATABASE_URL_FILE, "
    "SHIPLOG_REDIS_URL_FILE and SHIPLOG_ENCRYPTION_KEYS_FILE; development may give the URLs themselves, as "
    "SHIPLOG_DATABASE_URL and SHIPLOG_REDIS_URL.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
member = typer.Typer(help="The people of a team.", no_args_is_help=True)
token = typer.Typer(help="Tokens for the API.", no_args_is_help=True)

HERE = "On this machine"
ANYWHERE = "Any Shiplog, after a login or by SHIPLOG_URL and SHIPLOG_TOKEN_FILE"
PRODUCTION = "In production"
PEOPLE = "People"

add_login_commands(application, ANYWHERE)
resource_commands.add_to(application, ANYWHERE)
deployment_commands.add_to(application, ANYWHERE)
history_commands.add_to(application, ANYWHERE)
application.add_typer(notify_commands.notify, name="notify", rich_help_panel=ANYWHERE)
application.add_typer(key_commands.keys, name="keys", rich_help_panel=PRODUCTION)
application.add_typer(member, name="member", rich_help_panel=PEOPLE)
application.add_typer(token, name="token", rich_help_panel=PEOPLE)

DataDir = Annotated[Path, typer.Option(help="Folder for data, secrets and logs; made when it is missing.")]
Port = Annotated[
    int | None,
    typer.Option(
        min=0, max=65535, help="Port of the API on 127.0.0.1; 0 for any free one.", show_default="the last one"
    ),
]
Email = Annotated[str, typer.Option(help="E-mail address of the user.")]
Abilities = Annotated[
    list[str],
    typer.Option("--ability", help="root, read, read:sensitive, write or deploy; can be given several times."),
]


def _print_version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@application.callback()
def choose_context(
    context: Annotated[
        str | None,
        typer.Option(envvar="SHIPLOG_CONTEXT", help="Use this login instead of the current one.", show_envvar=True),
    ] = None,
    _: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Say what holds for every command."""
    if context is not None:
        os.environ["SHIPLOG_CONTEXT"] = context


@application.command(rich_help_panel=HERE, epilog="Example: shiplog up --json --port 0 --data-dir /srv/shiplog")
def up(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON once it serves, and nothing else on stdout.")
    ] = False,
    port: Port = None,
    data_dir: DataDir = Path(".shiplog"),
) -> None:
    """Serve API and worker with an embedded PostgreSQL and Valkey, until Ctrl-C."""
    from app.cli.up import run_up

    raise typer.Exit(run_up(data_dir, port=port, as_json=as_json))


@application.command(rich_help_panel=HERE, epilog="Example: shiplog demo --once")
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End by itself; exit code 0 only when every deployment is finished.")
    ] = False,
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Deploy a database of each type. One whose image cannot be pulled is named and passed over; "
            "SHIPLOG_DEMO_<TYPE>_IMAGE names another image.",
        ),
    ] = False,
    port: Port = None,
    data_dir: DataDir = Path(".shiplog"),
    service_image: Annotated[
        str, typer.Option(envvar="SHIPLOG_DEMO_SERVICE_IMAGE", help="Image of the service; any that keeps running.")
    ] = "nginx:alpine",
    postgres_image: Annotated[
        str, typer.Option(envvar="SHIPLOG_DEMO_POSTGRES_IMAGE", help="Image of the database.")
    ] = "postgres:16-alpine",
) -> None:
    """Deploy a service and a PostgreSQL database to this machine and show log and history."""
    from app.cli import demo_databases
    from app.cli.demo import run_demo

    images = {"service": service_image, "postgresql": postgres_image}
    if everything:
        images |= demo_databases.images()
    raise typer.Exit(run_demo(data_dir, port=port, images=images, once=once, selective=everything))


@application.command(rich_help_panel=HERE, epilog="Example: shiplog backup /mnt/backup/shiplog.tar")
def backup(
    file: Annotated[Path, typer.Argument(help="File to write; it is replaced when it is there.")],
    data_dir: DataDir = Path(".shiplog"),
) -> None:
    """Write all of the data folder of a running `shiplog up` to one file: database, encryption keys, logins."""
    from app.cli.backup import back_up

    print(back_up(data_dir, file))


@application.command(rich_help_panel=HERE, epilog="Example: shiplog restore shiplog.tar --data-dir /srv/shiplog")
def restore(
    file: Annotated[Path, typer.Argument(help="What `shiplog backup` has written.")],
    data_dir: Annotated[Path, typer.Option(help="Folder for the data, a new one.")] = Path(".shiplog"),
) -> None:
    """Make a data folder of a backup, for `shiplog up`."""
    from app.cli.backup import restore as restore_backup

    print(restore_backup(file, data_dir))


@application.command(rich_help_panel=PRODUCTION, epilog="Example: shiplog api --host 0.0.0.0 --workers 4")
def api(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes.")] = 1,
    forwarded_allow_ips: Annotated[
        str | None, typer.Option(help="Proxies whose X-Forwarded-For and -Proto are believed; by default none is.")
    ] = None,
    descriptor: Annotated[int | None, typer.Option("--fd", hidden=True)] = None,
) -> None:
    """Serve the API."""
    from app.cli.production import serve_api

    serve_api(host, port, workers=workers, forwarded_allow_ips=forwarded_allow_ips, descriptor=descriptor)


@application.command(rich_help_panel=PRODUCTION)
def worker() -> None:
    """Run deployments. Start as many as you like, on any machine."""
    from app.cli.production import run_worker

    run_worker()


@application.command(rich_help_panel=PRODUCTION, epilog="Safe to run again, and by several at once.")
def migrate() -> None:
    """Bring the database to the newest revision; needs only SHIPLOG_DATABASE_URL."""
    from app.cli.production import migrate_database

    print(migrate_database())


@application.command(rich_help_panel=PRODUCTION, epilog="Example: shiplog doctor --json")
def doctor(as_json: AsJson = False) -> None:
    """Check this installation's PostgreSQL, Redis and encryption keys, the API and its servers; say what to do."""
    from app.cli.doctor import run_doctor

    raise typer.Exit(run_doctor(as_json=as_json))


@application.command(
    "encryption-key",
    rich_help_panel=PRODUCTION,
    epilog="Example: (umask 077; shiplog encryption-key > encryption.keys)",
)
def encryption_key() -> None:
    """Print a new encryption key for the file that SHIPLOG_ENCRYPTION_KEYS_FILE names."""
    from app.kit.encryption import new_key

    print(new_key())


@application.command(rich_help_panel=PEOPLE, epilog='Example: shiplog init --email ann@example.org --team "Web shop"')
def init(
    email: Email,
    name: Annotated[str | None, typer.Option(help="Name of the user.", show_default="the e-mail address")] = None,
    team: Annotated[str, typer.Option(help="Name of the team.")] = "Root Team",
) -> None:
    """Make the first user, the first team and its root token, once; the token is shown this once."""
    from app.cli.people import initialise

    print(initialise(email=email, name=name or email, team=team))


@member.command("add", epilog="Example: shiplog member add bob@example.org --name Bob --role admin")
def add_member(
    email: Annotated[str, typer.Argument(help="E-mail address; a user who is new is made.")],
    name: Annotated[str | None, typer.Option(help="Name of a new user.", show_default="the e-mail address")] = None,
    role: Annotated[str, typer.Option(help="owner, admin or member (who may only read).")] = "member",
    team: Annotated[int | None, typer.Option(help="Id of the team.", show_default="the first one")] = None,
) -> None:
    """Add a user to a team."""
    from app.cli.people import add_to_team

    print(add_to_team(email=email, name=name or email, role=role, team_id=team))


@token.command("create", epilog="Example: shiplog token create --email bob@example.org --ability read --ability deploy")
def create_token(
    email: Email,
    name: Annotated[str, typer.Option(help="What the token is for.")] = "shiplog token create",
    ability: Abilities = ["read"],  # noqa: B006 - Typer reads it and hands out copies
    team: Annotated[int | None, typer.Option(help="Id of the team.", show_default="the user's first one")] = None,
) -> None:
    """Make a token for a member of a team; it is shown this once."""
    from app.cli.people import make_token

    print(make_token(email=email, name=name, abilities=ability, team_id=team))


@token.command("list")
def list_tokens(
    team: Annotated[int | None, typer.Option(help="Id of the team.", show_default="the first one")] = None,
    as_json: AsJson = False,
) -> None:
    """List the tokens of a team; what they are is kept nowhere."""
    from app.cli.people import show_tokens

    show_tokens(team_id=team, as_json=as_json)


@token.command("revoke", epilog="Example: shiplog token revoke 7")
def revoke_token(
    token_id: Annotated[int, typer.Argument(metavar="ID", help="The number before the bar.")],
    team: Annotated[int | None, typer.Option(help="Id of the team.", show_default="the first one")] = None,
) -> None:
    """Let a token be good for nothing from now on."""
    from app.cli.people import revoke

    print(revoke(token_id, team_id=team))


@application.command(rich_help_panel=HERE)
def version() -> None:
    """Print the version."""
    import importlib.metadata

    print(importlib.metadata.version("shiplog"))
