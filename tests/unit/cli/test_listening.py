"""Which port is listened on."""

import socket

import pytest

from app.cli.listening import inherited, listen, listen_on_loopback, port_of
from app.cli.problem import Problem


def test_the_port_of_the_last_run_is_taken_again() -> None:
    with listen("127.0.0.1", 0) as first:
        kept = port_of(first)
    with listen_on_loopback(kept) as again:
        assert port_of(again) == kept


def test_another_port_is_taken_where_that_one_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, listen_on_loopback(other.getsockname()[1]) as found:
        assert port_of(found) != other.getsockname()[1]


def test_an_address_that_is_not_ours_is_named() -> None:
    with pytest.raises(Problem, match=r"Nothing can listen on 192\.0\.2\.1:80 \("):
        listen("192.0.2.1", 80)


def test_a_descriptor_that_is_no_socket_is_refused() -> None:
    with open("/dev/null") as file, pytest.raises(Problem, match="is no listening socket"):  # noqa: PTH123
        inherited(file.fileno())
