"""What a trial of setting adjustment prints: a table for each group of patients, and pictures.

Used by the command `trial`; the numbers come from `models.simulation.trial`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from rich import box
from rich.table import Table

from cds_service.cli_output import table_console

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""For each arm its rows, one a cycle."""

HEADINGS: Final = {
    "cycle": "No",
    "tir": "TIR",
    "tbr": "TBR",
    "tbr54": "<54",
    "tar": "TAR",
    "gri": "GRI",
    "share_tbr_over_4": "Low",
    "contraindicated": "Con",
    "failed": "Fail",
    "direction_agreement": "Agr",
}
LEGEND: Final = (
    "Low: percent of cases with TBR above 4 %. Con: percent of reviews that added insulin in spite of\n"
    "recorded lows. Fail: percent of cases with a GRI 5 points above that of the unchanged therapy.\n"
    "Agr: percent of the changed settings that moved towards the reference."
)
DRAWN: Final = ("tir", "tbr", "tbr54", "tar", "gri")
WIDTH, HEIGHT, MARGIN = 560, 320, 48  # of a picture, SVG units
# Okabe and Ito's colours, which people who see few colours can tell apart.
COLOURS: Final = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f00")


def print_tables(outcome: Mapping[str, Any]) -> None:
    """Print all cases together, then each group."""
    console = table_console()
    for group, rows in {"all cases": outcome["arms"], **outcome["groups"]}.items():
        console.print(table(f"{outcome['world']} world, seed {outcome['seed']}: {group}", rows))
    console.print(LEGEND, highlight=False)


def table(title: str, arms: Rows) -> Table:
    """One row for each arm and cycle; narrow enough for a terminal of 80 columns."""
    made = Table(title=title, box=box.SIMPLE, padding=0)
    for heading in ("Arm", *HEADINGS.values()):
        made.add_column(heading, no_wrap=True)
    for name, rows in arms.items():
        for row in rows:
            made.add_row(name if row is rows[0] else "", *(_shown(row[key]) for key in HEADINGS))
        made.add_section()
    return made


def _shown(value: float | int | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def draw_plots(outcome: Mapping[str, Any], folder: Path) -> tuple[Path, ...]:
    """One SVG picture for each measure and group: a line for each arm over the cycles."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for group, arms in {"all": outcome["arms"], **outcome["groups"]}.items():
        for measure in DRAWN:
            file = folder / f"{outcome['world']}-{group}-{measure}.svg"
            title = f"{HEADINGS[measure]}, {group}, {outcome['world']} world"
            file.write_text(_picture(title, {name: [row[measure] for row in arms[name]] for name in arms}))
            drawn.append(file)
    return tuple(drawn)


def _picture(title: str, lines: Mapping[str, Sequence[float]]) -> str:
    highest = max(max(values) for values in lines.values()) or 1.0
    lowest = 0.9 * min(min(values) for values in lines.values())
    parts = [_text(MARGIN, 24, title), _text(4, MARGIN, f"{highest:.1f}")]
    parts += [_text(4, HEIGHT - MARGIN, f"{lowest:.1f}")]
    parts += _cycles(max(len(values) for values in lines.values()))
    for i, (name, values) in enumerate(lines.items()):
        colour = COLOURS[i % len(COLOURS)]
        points = " ".join(
            _point(j, len(values), (v - lowest) / (highest - lowest)) for j, v in enumerate(values)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(_text(WIDTH - 2 * MARGIN, MARGIN + 16 * i, name, colour))
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>\n'


def _cycles(count: int) -> list[str]:
    places = [_point(j, count, 0.0).split(",")[0] for j in range(count)]
    return [_text(float(x), HEIGHT - MARGIN / 2, str(j + 1)) for j, x in enumerate(places)]


def _point(cycle: int, cycles: int, share: float) -> str:
    """Place of a value that lies this share of the way up the picture."""
    x = MARGIN + (WIDTH - 4 * MARGIN) * cycle / max(cycles - 1, 1)
    return f"{x:.1f},{HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * share:.1f}"


def _text(x: float, y: float, text: str, colour: str = "#000000") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" font-family="sans-serif" font-size="13"'
    return f'<text {place} fill="{colour}">{escape(text)}</text>'
