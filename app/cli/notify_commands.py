"""What can be typed about notifications."""

from typing import Annotated

import typer

from app.cli.options import AsJson, NameArgument, SecretFile, group, through_api

notify = group("Channels that are told what happens.")

Channel = Annotated[str, typer.Argument(help="Name or uuid of the channel.")]


@notify.command("list")
def list_channels(as_json: AsJson = False) -> None:
    """List the channels."""
    from app.cli.resources import channels

    through_api(channels.show_all, as_json=as_json)


@notify.command(
    "add", epilog="Example: shiplog notify add chat --type apprise --file slack-url --event deployment_failed"
)
def add_channel(
    name: NameArgument,
    file: SecretFile = None,
    type_: Annotated[
        str, typer.Option("--type", help="webhook (signed JSON), or apprise (mail, Slack, Discord, Telegram, ntfy …).")
    ] = "webhook",
    event: Annotated[
        list[str] | None,
        typer.Option(
            help="Tell this event, such as deployment_failed; can be given several times.", show_default="all"
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a channel; its URL, which mostly holds a token, comes from a file, from stdin or is typed unseen."""
    from app.cli.resources import channels

    through_api(channels.add, as_json=as_json, name=name, file=file, type_=type_, events=event or [])


@notify.command("test", epilog="Example: shiplog notify test hook")
def try_channel(channel: Channel, as_json: AsJson = False) -> None:
    """Send a test to a channel and say what came of it; exit code 1 when it was not delivered."""
    from app.cli.resources import channels

    through_api(channels.test, as_json=as_json, channel=channel)


@notify.command("deliveries", epilog="Example: shiplog notify deliveries hook --take 50")
def list_deliveries(
    channel: Channel,
    take: Annotated[int, typer.Option(min=1, max=100, help="So many, the newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List what a channel was told and what came of it."""
    from app.cli.resources import channels

    through_api(channels.show_deliveries, as_json=as_json, channel=channel, take=take)


@notify.command("resend", epilog="Example: shiplog notify resend hook wq9a2z6vdv1c8m3k5n7p4x0y")
def resend_delivery(
    channel: Channel,
    delivery: Annotated[str, typer.Argument(help="Uuid of the delivery.")],
    as_json: AsJson = False,
) -> None:
    """Send a delivery again."""
    from app.cli.resources import channels

    through_api(channels.resend, as_json=as_json, channel=channel, delivery=delivery)
