"""What can be typed about deployments, starts and stops."""

from typing import Annotated

import typer

from app.cli.options import AsJson, Follow, NoColor, ResourceArgument, through_api


def add_to(application: typer.Typer, panel: str) -> None:
    """Make them commands of the application."""
    epilogs = {
        "deploy": "Example: shiplog deploy shop orders --follow",
        "start": "Example: shiplog start shop --follow",
        "stop": "Example: shiplog stop shop",
        "logs": "Example: shiplog logs shop --follow --tail 20",
        "cancel": "Example: shiplog cancel shop",
        "history": "Example: shiplog history shop --take 50",
        "status": "Example: shiplog status --json",
        "plan": "Example: shiplog plan shop --files",
        "diff": "Example: shiplog diff shop",
        "rollback": "Example: shiplog rollback k3v0q6n2m9x1c8b7z5a4s6d2 --follow",
    }
    for work in (deploy, start, stop, logs, cancel, history, status, plan, diff, rollback):
        application.command(rich_help_panel=panel, epilog=epilogs[work.__name__])(work)


def deploy(
    resources: Annotated[list[str], typer.Argument(help="Names or uuids of services and databases.")],
    force: Annotated[bool, typer.Option("--force", help="Pull every image again before starting.")] = False,
    follow: Follow = False,
    no_color: NoColor = False,
    as_json: AsJson = False,
) -> None:
    """Deploy services and databases."""
    from app.cli import remote

    through_api(remote.deploy, as_json=as_json, plain=no_color, resources=resources, force=force, following=follow)


def start(
    resource: ResourceArgument,
    follow: Follow = False,
    no_color: NoColor = False,
    as_json: AsJson = False,
) -> None:
    """Deploy a service or database that does not run."""
    from app.cli import remote

    through_api(remote.start, as_json=as_json, plain=no_color, resource=resource, following=follow)


def stop(
    resource: ResourceArgument,
    docker_cleanup: Annotated[bool, typer.Option(help="Also remove images that nothing on the server uses.")] = True,
    as_json: AsJson = False,
) -> None:
    """Stop a service or database and wait until it has; its data and files stay. Exit code 1 when it failed."""
    from app.cli.resources import operations

    through_api(operations.stop, as_json=as_json, resource=resource, docker_cleanup=docker_cleanup)


def logs(
    deployment: Annotated[
        str, typer.Argument(help="Uuid of the deployment, or name of a service or database: its newest one.")
    ],
    follow: Follow = False,
    tail: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="Only the last so many entries.", show_default="all")
    ] = None,
    timestamps: Annotated[bool, typer.Option("--timestamps", help="Begin each line with its time.")] = False,
    no_color: NoColor = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print each entry as a line of JSON.")] = False,
) -> None:
    """Print the log of a deployment."""
    from app.cli import remote

    through_api(
        remote.show_log,
        as_json=as_json,
        plain=no_color,
        deployment=deployment,
        following=follow,
        tail=tail,
        timestamps=timestamps,
    )


def cancel(
    deployment: Annotated[
        str, typer.Argument(help="Uuid of the deployment, or name of the service or database that is deployed.")
    ],
    as_json: AsJson = False,
) -> None:
    """Cancel a deployment and wait until it has ended; exit code 1 when it had another end."""
    from app.cli.resources import deployments

    through_api(deployments.cancel, as_json=as_json, deployment=deployment)


def history(
    resource: ResourceArgument,
    take: Annotated[int, typer.Option(min=1, max=100, help="So many, the newest first.")] = 10,
    as_json: AsJson = False,
) -> None:
    """List the deployments of a service or database."""
    from app.cli.resources import deployments

    through_api(deployments.show_history, as_json=as_json, resource=resource, take=take)


def status(
    resource: Annotated[
        str | None, typer.Argument(help="Name or uuid of a service or database.", show_default="all")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what there is, how it is, and what is being deployed."""
    from app.cli.resources import deployments

    through_api(deployments.show_status, as_json=as_json, resource=resource)


def plan(
    resource: ResourceArgument,
    files: Annotated[bool, typer.Option("--files", help="The rendered files, too, without secrets.")] = False,
    no_color: NoColor = False,
    as_json: AsJson = False,
) -> None:
    """Show what a deployment would change and do, without doing it; exit code 1 when it would fail at once."""
    from app.cli.resources import changes

    through_api(changes.show_plan, as_json=as_json, plain=no_color, resource=resource, with_files=files)


def diff(
    deployment: Annotated[
        str, typer.Argument(help="Uuid of the deployment, or name of a service or database: its newest one.")
    ],
    against: Annotated[
        str | None,
        typer.Option(help="Uuid of another deployment of it.", show_default="the finished one before"),
    ] = None,
    no_color: NoColor = False,
    as_json: AsJson = False,
) -> None:
    """Show what a deployment changed; of a secret only that it did."""
    from app.cli.resources import changes

    through_api(changes.show_diff, as_json=as_json, plain=no_color, deployment=deployment, against=against)


def rollback(
    deployment: Annotated[
        str, typer.Argument(help="Uuid of the finished deployment to go back to; shiplog history names them.")
    ],
    follow: Follow = False,
    no_color: NoColor = False,
    as_json: AsJson = False,
) -> None:
    """Deploy again what a deployment deployed: its configuration and its images, with the secrets of now."""
    from app.cli import remote

    through_api(remote.roll_back, as_json=as_json, plain=no_color, deployment=deployment, following=follow)
