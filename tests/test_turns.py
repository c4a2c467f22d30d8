"""Who computes long lets others go first, and never computes beside them."""

import threading

import pytest
from patience import PATIENCE_S

from cds_service.deadline import Deadline
from cds_service.turns import Turns
from hooks.errors import Unavailable

THREADS = 4
PIECES = 300


@pytest.mark.spec("F-30", "F-A3")
def test_F30_a_short_call_goes_before_the_end_of_a_long_one() -> None:
    turns, answered, patience = Turns(), threading.Event(), Deadline.after(PATIENCE_S)

    def short_call() -> None:
        with turns.turn(Deadline.after(PATIENCE_S)):
            answered.set()

    short = threading.Thread(target=short_call)
    with turns.turn(Deadline.after(PATIENCE_S)):
        short.start()
        while not answered.is_set() and patience.remaining_s():
            turns.give_way()
        assert answered.is_set()
    short.join()


def test_of_many_who_give_way_all_the_time_one_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds_service.turns.LONG_S", 0.0)
    turns, inside, most = Turns(), list[int](), list[int]()

    def long_call() -> None:
        with turns.turn(Deadline.after(PATIENCE_S)):
            for piece in range(PIECES):
                inside.append(piece)
                most.append(len(inside))
                inside.pop()
                turns.give_way()

    threads = [threading.Thread(target=long_call) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * THREADS * PIECES


def test_who_waits_past_the_deadline_is_refused_and_blocks_nobody_after() -> None:
    turns = Turns()
    with turns.turn(Deadline.after(PATIENCE_S)):
        for _ in range(2):
            with pytest.raises(Unavailable), turns.turn(Deadline.after(0)):
                raise AssertionError("two at once")
    with turns.turn(Deadline.after(0)):
        turns.give_way()
