"""What a deployment hides, from whatever part of its snapshot; and what its log says that it cannot hide."""

from typing import Any

import pytest

from app.compose.literals import compose_literals
from app.deployments.redaction import hiding_of
from app.kit.secret_names import SECRET_NAME_PATTERN

COMPOSE = """
x-shared: &shared {API_TOKEN: "tok-en-in-flow"}
services:
  web:
    image: web
    environment:
      <<: *shared
      DB_PASSWORD: literal-pw
      OTHER_PASSWORD: ${OTHER_PASSWORD}
      THIRD_PASSWORD: ${THIRD_PASSWORD:-fall-back}
      PASSWORD_FILE: /run/secrets/password
      PUBLIC_NAME: shown
      DOLLARS_SECRET: a$$b$$c$$d
      CERTIFICATE_KEY: |
        first line
        second line
    command: [run, --url=postgres://joe:in%2Durl@db/x, "APP_SECRET=in-a-list"]
  db:
    environment: ["ROOT_TOKEN=tok-en", PLAIN=shown]
"""


def hiding(*, secret_names: str = SECRET_NAME_PATTERN, more: tuple[str, ...] = (), **parts: Any) -> Any:
    """Return what to hide of a service's snapshot with these parts."""
    snapshot = {
        "uuid": "u" * 24,
        "name": "the shop",
        "project": "prod",
        "environment": "main",
        "network": "net",
        **parts,
    }
    return hiding_of(snapshot, more, secret_names)


def variable(key: str, value: str, *, locked: bool = False) -> dict[str, Any]:
    """Return a variable as a snapshot has it."""
    return {"key": key, "value": value, "is_shown_once": locked}


def test_locked_variables_and_those_whose_name_says_so_are_hidden() -> None:
    found = hiding(
        env=[
            variable("PLAIN", "shown-1"),
            variable("LOCKED", "hidden-1", locked=True),
            variable("MY_API_KEY", "hidden-2"),
        ]
    )
    assert found.secrets == {"hidden-1", "hidden-2"}
    assert found.notes == ()
    assert "hidden" not in repr(found)
    assert hiding(
        env=[variable("MY_API_KEY", "hidden-2"), variable("HUSH", "hidden-3")], secret_names="^HUSH$"
    ).secrets == {"hidden-3"}


@pytest.mark.parametrize(
    "name",
    [
        "DB_PASSWORD",
        "db.password",
        "dbPassword",
        "TOKEN",
        "GH_TOKEN_2",
        "SECRET_KEY_BASE",
        "KEY",
        "AWS_KEY",
        "USER_PASS",
        "SENTRY_DSN",
    ],
)
def test_a_name_says_secret(name: str) -> None:
    assert hiding(env=[variable(name, "hidden-1")]).secrets == {"hidden-1"}


@pytest.mark.parametrize(
    "name", ["KEYCLOAK_URL", "MONKEY", "DB_PASSWORD_FILE", "TOKEN_TTL", "COMPASS", "BYPASS_CACHE", "SECRET_NAME"]
)
def test_a_name_does_not_say_secret(name: str) -> None:
    assert hiding(env=[variable(name, "shown-1")]).secrets == set()


def test_passwords_within_urls_are_hidden_alone_and_with_their_user() -> None:
    found = hiding(
        env=[variable("DATABASE_URL", "postgres://joe:p%40ss-word@db/x")], more=("redis://:other-pw@cache/0",)
    )
    assert found.secrets == {"p@ss-word", "joe:p%40ss-word", "redis://:other-pw@cache/0", "other-pw", ":other-pw"}


def test_registries_columns_and_what_the_row_knows_are_hidden() -> None:
    found = hiding(
        type="standalone-postgresql",
        columns={"postgres_password": "column-pw", "postgres_user": "joe", "image": "postgres"},
        registries=[{"registry": "example.org", "username": "puller", "password": "pull-me"}],
        more=("of the row",),
    )
    assert found.secrets == {"column-pw", "pull-me", "of the row"}


def test_credentials_in_the_compose_text_are_hidden() -> None:
    assert hiding(compose=COMPOSE).secrets == {
        "tok-en-in-flow",
        "literal-pw",
        "fall-back",
        "a$b$c$d",
        "first line\nsecond line\n",
        "in-url",
        "joe:in%2Durl",
        "in-a-list",
        "tok-en",
    }


@pytest.mark.parametrize("text", ["", "a: [", "- x", "x", "a: *b", "? [a, b]\n: c", "{a: &x [*x]}", "a: !reset null"])
def test_literals_of_any_text_can_be_asked_for(text: str) -> None:
    assert [name for name, _ in compose_literals(text) if name] in ([], ["a"])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param("12345", "it has fewer than 6 characters", id="short"),
        pytest.param("postgres", "it is a word that logs contain anyway", id="word"),
        pytest.param("Shopper", "it is the same as a name that the log contains", id="user-name"),
        pytest.param("the shop", "it is the same as a name that the log contains", id="resource-name"),
    ],
)
def test_the_log_says_what_cannot_be_masked_and_why(value: str, reason: str) -> None:
    found = hiding(
        type="standalone-postgresql",
        columns={"postgres_password": value, "postgres_user": "shopper"},
        env=[variable("LOCKED", value, locked=True)],
        more=(value,),
    )
    assert found.secrets == set()
    assert found.unsearched == {value}
    assert found.notes == (
        f"The variable LOCKED cannot be masked in this log: {reason}.",
        f"The column postgres_password cannot be masked in this log: {reason}.",
    )


def test_switches_and_numbers_under_a_name_that_says_secret_are_no_secrets() -> None:
    found = hiding(
        env=[variable("USE_TOKEN", "true"), variable("TOKEN", "42"), variable("KEY", "${OTHER}"), variable("PW", "")]
    )
    assert (found.secrets, found.notes) == (set(), ())


def test_a_database_type_that_is_unknown_is_left_for_planning_to_refuse() -> None:
    assert hiding(type="standalone-cassandra", columns={"password": "hidden-1"}, more=("of the row",)).secrets == {
        "of the row"
    }
