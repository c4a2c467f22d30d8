"""How a command that takes minutes tells its steps, and what can stop it: on stderr, by one sentence.

Used by `evaluate` and `train`. On a terminal steps are bars, elsewhere plain lines; how many there are stands
in what a step says of itself ("fold 2 of 5").
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from cds_service.cli_output import refuse
from models.training.cgm_people import UnreadablePeople
from models.training.glucobench import UnreadableBenchmark
from models.training.patient_folds import LeakError
from models.training.questions import NothingToAsk
from models.training.remake import DataNeeded

Report = Callable[[str], None]

STEP: Final = re.compile(r"(\d+) of (\d+)")
SENTENCE: Final = Column(ratio=2, no_wrap=True, overflow="ellipsis")


@contextmanager
def long_run() -> Iterator[Report]:
    """Where steps are told; what stops the run is one line on stderr and exit 2."""
    try:
        with _steps() as report:
            yield report
    except LeakError as fault:
        refuse(f"a leak was found, so that no number could be believed: {fault}")
    except (NothingToAsk, DataNeeded, UnreadablePeople, UnreadableBenchmark) as fault:
        refuse(str(fault))
    except ImportError as fault:
        without_library(fault)


def said(text: str) -> None:
    """A step as a plain line."""
    click.echo(text, err=True)


def without_library(fault: ImportError) -> NoReturn:
    """Exit 2 where a learning library is asked for and absent."""
    refuse(f"{fault.name} is not installed; this needs the extra `train`")


@contextmanager
def _steps() -> Iterator[Report]:
    console = Console(stderr=True)
    if not (sys.stderr.isatty() and console.is_interactive):
        yield said
        return
    with Progress(
        TextColumn("{task.description}", markup=False, table_column=SENTENCE),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        expand=True,
        redirect_stdout=False,
    ) as shown:
        bars = _Bars(shown)
        yield bars.report
        bars.finish()


class _Bars:
    """A bar for each stage: steps of one stage have the same total and rising numbers."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown
        self._bar: TaskID | None = None
        self._done, self._total = 0, 0

    def report(self, text: str) -> None:
        """A step that counts itself moves the bar; one that does not has a bar that only shows life."""
        counted = STEP.search(text)
        done, total = map(int, counted.groups()) if counted else (0, 0)
        if not self._done < done or total != self._total:
            self.finish()
            self._bar = self._shown.add_task(text, total=total or None)
        self._done, self._total = done, total
        if self._bar is not None:
            self._shown.update(self._bar, description=text, completed=done)

    def finish(self) -> None:
        """The bar of a stage that was not counted ends full."""
        if self._bar is not None and not self._total:
            self._shown.update(self._bar, total=1, completed=1)
