"""What every test may ask for; the parts live in tests/fixtures, each with the tests' own PostgreSQL and Valkey."""

from pathlib import Path

import pytest

PAGES = Path(__file__).parent / "pages"

# In the order in which they import each other.
pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.valkey",
    "tests.fixtures.sessions",
    "tests.fixtures.api",
    "tests.fixtures.rig",
]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep the tests that share one Docker engine in one xdist worker; the first of them waits for the rig's images.

    Those with a browser go there too: Chromium breaks off what it loads when a container's network comes or goes. Here
    and not where items are sorted: by then xdist has read the groups.
    """
    if PAGES in item.path.parents:
        item.add_marker(pytest.mark.xdist_group("docker"))
    if item.get_closest_marker("docker"):
        item.add_marker(pytest.mark.xdist_group("docker"))
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(300))
