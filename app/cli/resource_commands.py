"""What can be typed about keys, servers, projects, services, databases and variables."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import (
    AsJson,
    DatabaseType,
    Environment,
    NameArgument,
    Project,
    ResourceArgument,
    SecretFile,
    ServerOption,
    group,
    through_api,
)

key = group("Private keys that Shiplog logs in to servers with.")
server = group("Servers that are deployed to.")
project = group("Projects and their environments.")
service = group("Services: a Compose file each.")
database = group("Databases of the nine types.")
env = group("Environment variables of a service or database.")


def add_to(application: typer.Typer, panel: str) -> None:
    """Make the groups commands of the application."""
    groups = {"key": key, "server": server, "project": project, "service": service, "database": database, "env": env}
    for name, commands in groups.items():
        application.add_typer(commands, name=name, rich_help_panel=panel)


@key.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List the keys."""
    from app.cli.resources import keys

    through_api(keys.show_all, as_json=as_json)


@key.command("add", epilog="Example: shiplog key add laptop --file ~/.ssh/id_ed25519")
def add_key(name: NameArgument, file: SecretFile = None, as_json: AsJson = False) -> None:
    """Add a private key without a passphrase."""
    from app.cli.resources import keys

    through_api(keys.add, as_json=as_json, name=name, file=file)


@server.command("list")
def list_servers(as_json: AsJson = False) -> None:
    """List the servers and whether they are ready."""
    from app.cli.resources import servers

    through_api(servers.show_all, as_json=as_json)


@server.command("add", epilog="Example: shiplog server add web1 --ip 192.0.2.10 --key laptop")
def add_server(
    name: NameArgument,
    ip: Annotated[str, typer.Option(help="Its IPv4 or IPv6 address, or host name.")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of SSH.")] = 22,
    user: Annotated[str, typer.Option(help="Who logs in there.")] = "root",
    key: Annotated[
        str | None, typer.Option(help="Name or uuid of the key.", show_default="the only one there is")
    ] = None,
    validate: Annotated[bool, typer.Option(help="Look at it at once.")] = True,
    as_json: AsJson = False,
) -> None:
    """Add a server and look at it; exit code 1 when it is not ready."""
    from app.cli.resources import servers

    through_api(servers.add, as_json=as_json, name=name, ip=ip, port=port, user=user, key=key, is_validated=validate)


@server.command("validate", epilog="Example: shiplog server validate web1")
def validate_server(
    server: Annotated[str, typer.Argument(help="Name or uuid of the server.")],
    accept_new_host_key: Annotated[
        bool, typer.Option("--accept-new-host-key", help="Pin the host key it shows now: for a reinstalled server.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look at a server and show what was seen; exit code 1 when it is not ready."""
    from app.cli.resources import servers

    through_api(servers.validate, as_json=as_json, server=server, accept_new_host_key=accept_new_host_key)


@project.command("list")
def list_projects(as_json: AsJson = False) -> None:
    """List the projects."""
    from app.cli.resources import projects

    through_api(projects.show_all, as_json=as_json)


@project.command("create", epilog="Example: shiplog project create shop")
def create_project(name: NameArgument, as_json: AsJson = False) -> None:
    """Make a project with the environment production."""
    from app.cli.resources import projects

    through_api(projects.create, as_json=as_json, name=name)


@service.command("list")
def list_services(as_json: AsJson = False) -> None:
    """List the services."""
    from app.cli.resources import services

    through_api(services.show_all, as_json=as_json)


@service.command("create", epilog="Example: shiplog service create shop --file compose.yaml")
def create_service(
    name: NameArgument,
    file: Annotated[Path, typer.Option("--file", "-f", help="The Compose file; - for stdin.")],
    project: Project = None,
    environment: Environment = "production",
    server: ServerOption = None,
    as_json: AsJson = False,
) -> None:
    """Make a service of a Compose file."""
    from app.cli.resources import services

    through_api(
        services.create, as_json=as_json, name=name, file=file, project=project, environment=environment, server=server
    )


@database.command("list")
def list_databases(as_json: AsJson = False) -> None:
    """List the databases."""
    from app.cli.resources import databases

    through_api(databases.show_all, as_json=as_json)


@database.command("create", epilog="Example: shiplog database create postgresql orders --image postgres:17-alpine")
def create_database(
    type_: Annotated[DatabaseType, typer.Argument(metavar="TYPE", help="Its type.")],
    name: NameArgument,
    image: Annotated[str | None, typer.Option(help="Its image.", show_default="that of the type")] = None,
    fields: Annotated[
        Path | None,
        typer.Option(
            help="JSON file with more fields of POST /databases/TYPE, a password of your own among them; - for stdin.",
            show_default="made up",
        ),
    ] = None,
    project: Project = None,
    environment: Environment = "production",
    server: ServerOption = None,
    as_json: AsJson = False,
) -> None:
    """Make a database."""
    from app.cli.resources import databases

    through_api(
        databases.create,
        as_json=as_json,
        kind=type_.value,
        name=name,
        image=image,
        fields=fields,
        project=project,
        environment=environment,
        server=server,
    )


@database.command("url", epilog="Example: shiplog database url orders --external")
def show_database_url(
    database: Annotated[str, typer.Argument(help="Name or uuid of the database.")],
    external: Annotated[bool, typer.Option("--external", help="The one for outside, of a public database.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the URL of a database, its password included."""
    from app.cli.resources import databases

    through_api(databases.show_url, as_json=as_json, database=database, is_external=external)


@env.command("list")
def list_variables(
    resource: ResourceArgument,
    values: Annotated[bool, typer.Option("--values", help="Show the values, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the variables of a service or database."""
    from app.cli.resources import variables

    through_api(variables.show_all, as_json=as_json, resource=resource, with_values=values)


@env.command("set", epilog="Example: shiplog env set shop DATABASE_URL < url.txt")
def set_variable(
    resource: ResourceArgument,
    key: Annotated[str, typer.Argument(help="Name of the variable; its value is no argument.")],
    file: SecretFile = None,
    literal: Annotated[bool, typer.Option("--literal", help="$NAME in the value is text.")] = False,
    locked: Annotated[
        bool, typer.Option("--locked", help="Nobody reads the value again, and every log redacts it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make or change a variable; its value is read from a file or stdin, or typed unseen."""
    from app.cli.resources import variables

    through_api(
        variables.set_one,
        as_json=as_json,
        resource=resource,
        key=key,
        file=file,
        is_literal=literal,
        is_locked=locked,
    )


@env.command("import", epilog="Example: shiplog env import shop .env")
def import_variables(
    resource: ResourceArgument,
    file: Annotated[Path, typer.Argument(help="File of lines NAME=value; - for stdin.")] = Path(".env"),
    locked: Annotated[bool, typer.Option("--locked", help="Lock all of them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make or change every variable of a file; others stay."""
    from app.cli.resources import variables

    through_api(variables.import_file, as_json=as_json, resource=resource, file=file, are_locked=locked)
