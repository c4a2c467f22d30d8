"""How a mapping goes about its work, and who may stop it: what is slow asks, resource by resource.

Carried by `observed_time.Reading` to the mappers of all kinds; nothing in this package knows a clock.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


def never_stop() -> None:
    """The checkpoint of a caller who has time."""


class Checked(list[Item]):
    """A list that asks at a checkpoint before each item, however often it is gone through."""

    def __init__(self, items: Iterable[Item], checkpoint: Callable[[], object]) -> None:
        super().__init__(items)
        self._checkpoint = checkpoint

    def __iter__(self) -> Iterator[Item]:
        for item in super().__iter__():
            self._checkpoint()
            yield item


@dataclass(frozen=True, slots=True)
class Pace:
    """`fast`: plain readings take the fast path (without, all take the reference path, for tests).

    `checkpoint` is called between resources; it raises where nobody waits for the record any more, and
    whatever it raises goes through to the caller.
    """

    fast: bool = True
    checkpoint: Callable[[], object] = never_stop

    def over(self, items: Iterable[Item]) -> Checked[Item]:
        """The items, with the checkpoint before each."""
        return Checked(items, self.checkpoint)


UNHURRIED = Pace()
