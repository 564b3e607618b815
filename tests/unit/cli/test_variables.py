"""`.env` files as `shiplog env import` reads them."""

import pytest

from app.cli.problem import Problem
from app.cli.resources.variables import parse


@pytest.mark.parametrize(
    ("line", "value", "is_literal"),
    [
        ("A=plain", "plain", False),
        ("export A=plain", "plain", False),
        ("A=$B/x", "$B/x", False),
        ('A="two words"', "two words", False),
        ("A='$B'", "$B", True),
        ("A=", "", False),
        ("A=x # why", "x", False),
    ],
    ids=repr,
)
def test_a_line_is_read_as_compose_does(line: str, value: str, *, is_literal: bool) -> None:
    assert parse(f"# first\n\n{line}\n", ".env") == [
        {"key": "A", "value": value, "is_literal": is_literal, "is_multiline": False}
    ]


def test_a_value_may_have_several_lines_and_the_last_one_of_a_key_counts() -> None:
    found = parse('A=1\nB="one\ntwo"\nA=2\n', ".env")
    assert [(one["key"], one["value"], one["is_multiline"]) for one in found] == [
        ("A", "2", False),
        ("B", "one\ntwo", True),
    ]


@pytest.mark.parametrize("line", ["hunter2", "A='hunter2"], ids=["no sign", "no end"])
def test_a_line_that_is_none_is_named_without_what_it_says(line: str) -> None:
    with pytest.raises(Problem, match=r"^\.env, line 2: a line looks like NAME=value\.$"):
        parse(f"B=1\n{line}\n", ".env")
