"""Variables of a snapshot: their order in the `.env`, and the ones that are refused."""

import pytest

from app.compose.plan import PlanError
from tests.snapshots import registry, service_snapshot, variable


def keys(*variables: dict[str, object]) -> list[str]:
    return [one.key for one in service_snapshot(env=variables).variables()]


def test_a_definition_comes_before_its_references() -> None:
    assert keys(variable("A", "$B"), variable("B", "x${C:-y}"), variable("C", "z")) == ["C", "B", "A"]


def test_what_refers_to_nothing_keeps_its_place() -> None:
    assert keys(variable("B", "$HOME"), variable("A", "$$C"), variable("C", "$C:x")) == ["B", "A", "C"]


def test_a_literal_or_multiline_value_refers_to_nothing() -> None:
    literal, multiline = variable("A", "$B", is_literal=True), variable("M", "$B", is_multiline=True)
    assert keys(literal, multiline, variable("B", "x")) == ["A", "M", "B"]
    assert [one.literal for one in service_snapshot(env=[literal, multiline]).variables()] == [True, True]


def test_a_circle_is_left_as_it_is() -> None:
    assert keys(variable("A", "$B"), variable("B", "$A"), variable("C", "x")) == ["C", "A", "B"]


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (variable("A-B", "secret"), "'A-B' has a name that Compose cannot read"),
        (variable("A", "secret\0"), "A holds a NUL character"),
        (variable("COMPOSE_PROJECT_NAME", "secret"), "COMPOSE_PROJECT_NAME is set by Shiplog"),
        (variable("COMPOSE_FILE", "secret"), "COMPOSE_FILE is set by Shiplog"),
    ],
)
def test_what_cannot_be_a_variable_is_named_without_its_value(one: dict[str, object], words: str) -> None:
    with pytest.raises(PlanError) as caught:
        service_snapshot(env=[one]).variables()
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_snapshot_does_not_show_its_secrets() -> None:
    snapshot = service_snapshot(
        env=[variable("A", "secret-1")], registries=[registry(password="secret-2")], secrets=["secret-3"]
    )
    assert "secret-" not in repr(snapshot)
