"""The tests themselves reach no network, and would say so."""

import socket

import pytest

pytest_plugins = ["pytester"]

ATTEMPT = """
import socket
import pytest
from conftest import only_this_machine

def test_attempt():
    with pytest.raises(OSError):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
"""


def test_a_name_of_the_world_resolves_to_nothing() -> None:
    with pytest.raises(socket.gaierror):
        socket.create_connection(("ehr.example.org", 443), timeout=1)


def test_an_attempt_to_connect_fails_the_test_even_where_it_is_swallowed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(ATTEMPT)
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1, errors=1)
