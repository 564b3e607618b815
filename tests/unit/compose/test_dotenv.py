"""The `.env`: a value arrives as it was given, and Compose itself is asked whether it does."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.compose.dotenv import Variable, render_dotenv
from tests.programs import docker_compose, run

HARD = [
    "",
    " ",
    "a b ",
    "it's",
    '"',
    "\\",
    "\\\\n",
    "$",
    "$$",
    "${A}",
    "$A",
    "`id`",
    "#",
    "a #b",
    "=",
    "a\nb",
    "a\r\nb",
    "\t",
]
HARD += [
    "\r",
    "'\"\\$",
    "é🙂\u2028",
    "export A=1",
    "'",
    "''",
    "\\'",
    "a\\",
    "'a\\'",
    "\n",
    "A=1\nB=2",
    "%(x)s",
    "{{x}}",
]

texts = st.one_of(
    st.sampled_from(HARD),
    st.text(alphabet=st.sampled_from("'\"\\$ #=\n\r\tan{}`!A")),
    st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0")),
)


def seen_by_compose(folder: Path, variables: Sequence[Variable]) -> dict[str, tuple[str, str]]:
    """Return each value as a container with `env_file` gets it, and as `${KEY}` in the Compose file is replaced."""
    (folder / ".env").write_bytes(render_dotenv(variables).encode())
    replaced = {f"AS_{variable.key}": f"${{{variable.key}}}" for variable in variables}
    service = {"image": "a", "env_file": [".env"], "environment": replaced}
    (folder / "docker-compose.yml").write_text(json.dumps({"services": {"web": service}}))
    command = [docker_compose(), "-f", "docker-compose.yml", "config", "--format", "json"]
    completed = run(command, folder)
    assert completed.returncode == 0, completed.stderr
    found = json.loads(completed.stdout)["services"]["web"]["environment"]
    seen = {key: value.replace("$$", "$") for key, value in found.items()}
    return {variable.key: (seen[variable.key], seen[f"AS_{variable.key}"]) for variable in variables}


def test_hard_values_arrive(tmp_path: Path) -> None:
    variables = [Variable(f"K{number}", value, literal=True) for number, value in enumerate(HARD)]
    seen = seen_by_compose(tmp_path, variables)
    assert seen == {variable.key: (variable.value, variable.value) for variable in variables}


def test_64_kb_arrive(tmp_path: Path) -> None:
    value = ("é\"'$\\\n#\r" * 8192).encode()[: 64 * 1024].decode(errors="ignore")
    seen = seen_by_compose(tmp_path, [Variable("K", value, literal=True)])
    assert seen["K"] == (value, value)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(texts, min_size=1, max_size=40))
def test_any_literal_value_arrives(tmp_path: Path, values: list[str]) -> None:
    variables = [Variable(f"K{number}", value, literal=True) for number, value in enumerate(values)]
    seen = seen_by_compose(tmp_path, variables)
    assert seen == {variable.key: (variable.value, variable.value) for variable in variables}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(texts.map(lambda text: text.replace("$", "")), min_size=1, max_size=40))
def test_any_value_without_a_reference_arrives(tmp_path: Path, values: list[str]) -> None:
    variables = [Variable(f"K{number}", value, literal=False) for number, value in enumerate(values)]
    seen = seen_by_compose(tmp_path, variables)
    assert seen == {variable.key: (variable.value, variable.value) for variable in variables}


def test_references_are_replaced_unless_the_value_is_literal(tmp_path: Path) -> None:
    variables = [
        Variable("HOST", "db", literal=False),
        Variable("URL", "pg://$HOST/${HOST}", literal=False),
        Variable("TEXT", "pg://$HOST/${HOST}", literal=True),
    ]
    seen = seen_by_compose(tmp_path, variables)
    assert seen["URL"] == ("pg://db/db", "pg://db/db")
    assert seen["TEXT"] == ("pg://$HOST/${HOST}", "pg://$HOST/${HOST}")


@pytest.mark.parametrize("key", ["", "1A", "A B", "A-B", "A=B", "A\n", "é", "export A"])
def test_a_key_that_compose_cannot_read_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="not a name of an environment variable"):
        render_dotenv([Variable(key, "", literal=True)])


def test_a_nul_is_refused_without_showing_the_value() -> None:
    with pytest.raises(ValueError, match="the value of A contains a NUL character") as caught:
        render_dotenv([Variable("A", "secret\0", literal=True)])
    assert "secret" not in str(caught.value)


def test_a_variable_does_not_show_its_value() -> None:
    assert repr(Variable("A", "secret", literal=True)) == "Variable('A')"
