"""What can be typed to log in, to choose between installations, and to bring one over."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import AsJson, group, through_api

context = group("The installations that you logged in to.")
import_ = group("Bring over what another program deploys.")


def add_login_commands(application: typer.Typer, panel: str) -> None:
    """Make them commands of the application."""
    application.command(
        "login", rich_help_panel=panel, epilog="Example: shiplog login https://shiplog.example.org --name work"
    )(log_in)
    application.command("open", rich_help_panel=panel)(open_pages)
    application.add_typer(context, name="context", rich_help_panel=panel)
    application.command("team", rich_help_panel=panel)(show_team)
    application.add_typer(import_, name="import", rich_help_panel=panel)


def log_in(
    url: Annotated[str, typer.Argument(help="Where the API is.")],
    name: Annotated[str | None, typer.Option(help="Name of the context.", show_default="the host")] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help="File that holds the token; - for stdin.", show_default="stdin, or typed unseen"),
    ] = None,
) -> None:
    """Check an API token, keep it and use it from now on."""
    from app.cli import login

    login.log_in(url, name=name, token_file=token_file)


@context.command("list")
def list_contexts(as_json: AsJson = False) -> None:
    """List the contexts, never their tokens."""
    from app.cli import login

    login.show_all(as_json=as_json)


@context.command("use", epilog="Example: shiplog context use work")
def use_context(name: Annotated[str, typer.Argument(help="Name of the context.")]) -> None:
    """Use another installation from now on."""
    from app.cli import login

    login.use(name)


@context.command("remove")
def remove_context(name: Annotated[str, typer.Argument(help="Name of the context.")]) -> None:
    """Forget an installation with its token."""
    from app.cli import login

    login.remove(name)


def open_pages(
    browser: Annotated[bool, typer.Option(help="Open it too, not only print it.")] = True, as_json: AsJson = False
) -> None:
    """Print a link that signs a browser in to the pages, once, and open it."""
    from app.cli.resources import pages

    through_api(pages.open_pages, as_json=as_json, in_browser=browser)


def show_team(as_json: AsJson = False) -> None:
    """Show the token's team and who is in it."""
    from app.cli.resources import teams

    through_api(teams.show, as_json=as_json)


@import_.command(
    "coolify", epilog="Example: shiplog import coolify --url https://coolify.example.org --token-file token"
)
def import_coolify(
    url: Annotated[str, typer.Option(help="Where Coolify is.")],
    token_file: Annotated[
        Path | None,
        typer.Option(
            help="File that holds a token of Coolify with read:sensitive, or root; - for stdin.",
            show_default="stdin, or typed unseen",
        ),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Make it; without this it is only shown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring over keys, servers, projects, services, databases and variables. Nothing is deployed, no data is moved."""
    from app.cli.coolify.command import run_import

    raise typer.Exit(run_import(url, token_file=token_file, is_applied=apply, as_json=as_json))
