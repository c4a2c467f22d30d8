"""The breaker, with a clock of the test's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.breaker import FAILURES, PAUSE_S, WITHIN_S, Breaker


class Clock:
    """A clock that stands until the test moves it."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock)


def fail(breaker: Breaker, times: int = FAILURES) -> None:
    for _ in range(times):
        assert breaker.admits()
        breaker.failed()


@pytest.mark.spec("F-01")
def test_F01_it_opens_after_five_failures_and_lets_one_call_try_after_fifteen_seconds(
    breaker: Breaker, clock: Clock
) -> None:
    fail(breaker)
    assert not breaker.admits()
    clock.now_s += PAUSE_S
    assert [breaker.admits() for _ in range(3)] == [True, False, False]
    breaker.succeeded()
    assert [breaker.admits() for _ in range(3)] == [True, True, True]


def test_a_failed_try_closes_the_way_for_another_pause(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    clock.now_s += PAUSE_S
    fail(breaker, times=1)
    clock.now_s += PAUSE_S - 0.001
    assert not breaker.admits()
    clock.now_s += 0.001
    assert breaker.admits()


def test_failures_far_apart_or_between_successes_do_not_open_it(breaker: Breaker, clock: Clock) -> None:
    for _ in range(20):
        fail(breaker, times=1)
        clock.now_s += WITHIN_S / (FAILURES - 1) + 0.001
    breaker.succeeded()
    for _ in range(20):
        fail(breaker, times=FAILURES - 1)
        breaker.succeeded()
    assert breaker.admits()


@pytest.mark.spec("F-03")
def test_F03_a_server_is_left_alone_as_long_as_it_asked(breaker: Breaker, clock: Clock) -> None:
    breaker.hold(120)
    breaker.hold(5)
    clock.now_s += 119
    assert not breaker.admits()
    clock.now_s += 1
    assert breaker.admits()


@given(st.lists(st.sampled_from(["ok", "fail", "wait"])))
def test_whatever_happened_a_pause_and_a_success_make_it_well(events: list[str]) -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for event in events:
        if event == "wait":
            clock.now_s += 1
        elif breaker.admits():
            (breaker.succeeded if event == "ok" else breaker.failed)()
    clock.now_s += PAUSE_S
    assert breaker.admits()
    breaker.succeeded()
    assert breaker.admits()
