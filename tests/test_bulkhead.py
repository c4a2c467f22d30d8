"""A tenant has only so many places; the others keep theirs."""

import threading
from contextlib import ExitStack

import pytest

from cds_service.bulkhead import Bulkheads
from cds_service.tenants import Limits, Tenant
from hooks.errors import TooManyRequests

NORTH = Tenant("north", "https://north.example", limits=Limits(concurrent_requests=2))
SOUTH = Tenant("south", "https://south.example", limits=Limits(concurrent_requests=1))


@pytest.mark.spec("F-30")
def test_F30_a_tenant_with_all_places_taken_is_turned_away_and_others_are_not() -> None:
    bulkheads = Bulkheads()
    with ExitStack() as calls:
        calls.enter_context(bulkheads.place(NORTH))
        calls.enter_context(bulkheads.place(NORTH))
        with pytest.raises(TooManyRequests), bulkheads.place(NORTH):
            pass
        calls.enter_context(bulkheads.place(SOUTH))
    with bulkheads.place(NORTH), bulkheads.place(SOUTH):
        pass


def test_a_place_is_given_back_whatever_happened() -> None:
    bulkheads = Bulkheads()
    for _ in range(5):
        with pytest.raises(KeyError), bulkheads.place(SOUTH):
            raise KeyError
    with bulkheads.place(SOUTH):
        pass


def test_threads_never_hold_more_places_than_there_are() -> None:
    bulkheads, held, most = Bulkheads(), [0], [0]
    gate = threading.Barrier(8)

    def work() -> None:
        gate.wait()
        for _ in range(200):
            try:
                with bulkheads.place(NORTH):
                    held[0] += 1
                    most[0] = max(most[0], held[0])
                    held[0] -= 1
            except TooManyRequests:
                continue

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= most[0] <= NORTH.limits.concurrent_requests
