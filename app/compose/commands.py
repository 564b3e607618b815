"""Docker command lines as values, the way a person in the resource's folder would type them."""

from dataclasses import dataclass

from app.compose.plan import ServerFacts
from app.remote.command import Command

COMPOSE_FILE = "docker-compose.yml"
OVERRIDE_FILE = "shiplog.override.json"


@dataclass(frozen=True)
class ComposeProject:
    """A Compose project: its name, which is the resource's uuid, and its files in the order they are merged."""

    name: str
    files: tuple[str, ...] = (COMPOSE_FILE,)

    def config(self) -> Command:
        """Check the files and say nothing when they are right."""
        return self._compose("config", "--quiet")

    def resolved(self) -> Command:
        """Print the merged files as YAML in Compose's own form, every variable filled in."""
        return self._compose("config")

    def services(self) -> Command:
        """Print the names of the services that the profiles leave in, one a line."""
        return self._compose("config", "--services")

    def pull(self, *, ignore_buildable: bool = False) -> Command:
        """Fetch the newest image of each tag."""
        return self._compose("pull", *(["--ignore-buildable"] if ignore_buildable else []))

    def build(self, *, pull: bool) -> Command:
        """Build the images that are built from source; `pull` fetches newer base images."""
        return self._compose("build", *(["--pull"] if pull else []))

    def stop(self) -> Command:
        """Stop the containers, each with its own grace period."""
        return self._compose("stop")

    def up(self) -> Command:
        """Make every container anew and start it in the background; images are there by then."""
        return self._compose("up", "--detach", "--no-build", "--remove-orphans", "--force-recreate")

    def _compose(self, *words: str) -> Command:
        options = [word for file in self.files for word in ("-f", file)]
        return Command("docker", "compose", "--project-name", self.name, *options, *words)


def docker_by_sudo(facts: ServerFacts) -> str:
    """Return the sh line that lets `docker` go through sudo where this server's user needs that, else nothing."""
    return 'docker() { sudo -n docker "$@"; }\n' if facts.docker_needs_sudo else ""


def inspect_network(network: str) -> Command:
    """Fail when the network is not there."""
    return Command("docker", "network", "inspect", network)


def create_network(network: str) -> Command:
    """Create a network for containers of several projects."""
    return Command("docker", "network", "create", network)
