"""What every test may ask for; the parts live in tests/fixtures, each with the tests' own PostgreSQL and Valkey."""

import pytest

pytest_plugins = [
    "tests.fixtures.api",
    "tests.fixtures.postgres",
    "tests.fixtures.rig",
    "tests.fixtures.sessions",
    "tests.fixtures.valkey",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that share one Docker engine in one xdist worker."""
    for item in items:
        if item.get_closest_marker("docker"):
            item.add_marker(pytest.mark.xdist_group("docker"))
