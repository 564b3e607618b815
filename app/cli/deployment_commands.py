"""What can be typed about deployments."""

from typing import Annotated

import typer

from app.cli.options import AsJson, Follow, NoColor, ResourceArgument, through_api


def add_to(application: typer.Typer, panel: str) -> None:
    """Make them commands of the application."""
    epilogs = {
        "deploy": "Example: shiplog deploy shop orders --follow",
        "logs": "Example: shiplog logs shop --follow --tail 20",
        "cancel": "Example: shiplog cancel shop",
        "history": "Example: shiplog history shop --take 50",
        "status": "Example: shiplog status --json",
    }
    for work in (deploy, logs, cancel, history, status):
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
