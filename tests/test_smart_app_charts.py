"""The charts: what is not known is not drawn, what adds up adds up, and no text becomes markup."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.smart_app.charts import plot as draw
from cds_service.smart_app.charts.glucose import Day, day_strip, profile_chart, range_bar
from cds_service.smart_app.charts.insulin import difference_chart
from cds_service.smart_app.charts.plot import NARROW, WIDE, Plot
from cds_service.smart_app.charts.risk import interval_chart, waterfall
from cds_service.smart_app.charts.vitals import LastDay, Weeks, day_chart, weeks_chart
from cds_service.smart_app.risk_page import waterfall_steps
from models.assessment import Contribution, Interval
from models.features.agp import ambulatory_profile
from models.risk.hypoglycemia_reasons import TOPICS
from models.risk.recorded_reasons import BESIDE_CGM
from models.time_series import series_of

PLOT = Plot(200, 100, (0.0, 10.0), (0.0, 100.0), left=0, right=0, top=0, bottom=0)
MINUTE_MS = 60_000


def test_a_line_stops_where_a_value_is_not_known() -> None:
    x, y = np.arange(6.0), np.array([1.0, 2.0, np.nan, 4.0, 5.0, np.nan])
    assert draw.line(PLOT, x, y, "trace").count("M") == 2
    assert draw.known_runs(np.array([1.0, np.nan, 3.0, np.nan])) == []


def test_a_value_beyond_the_range_is_drawn_on_its_edge() -> None:
    assert PLOT.at_y(500.0) == PLOT.at_y(100.0) == 0.0 and PLOT.at_y(-5.0) == 100.0


@given(st.text(max_size=40))
def test_words_of_a_chart_never_become_markup(words: str) -> None:
    parts = [draw.text(0, 0, words, "tick"), draw.dot(PLOT, (1.0, 1.0), "point", words or "x")]
    shown = draw.figure(PLOT, words, parts, "chart")
    assert set(re.findall(r"<(/?\w+)", shown)) == {
        "svg",
        "/svg",
        "text",
        "/text",
        "circle",
        "/circle",
        "title",
        "/title",
    }


@given(st.lists(st.floats(0, 100), min_size=5, max_size=5))
def test_the_bar_of_ranges_is_as_wide_as_its_shares(shares: list[float]) -> None:
    bar = range_bar([(f"b{i}", share) for i, share in enumerate(shares)], "ranges")
    widths = [float(w) for w in re.findall(r'width="([\d.]+)"', bar)]
    assert widths == pytest.approx([share / 100 * NARROW for share in shares], abs=0.1)


@given(st.dictionaries(st.sampled_from([n for t in TOPICS for n in t.sentences]), st.floats(-3, 3)))
def test_the_steps_of_the_waterfall_add_up_to_the_score(points: dict[str, float]) -> None:
    names = [name for topic in TOPICS for name in topic.sentences]
    terms = [Contribution(name, None if name not in points else 1.0, points.get(name, 0.1)) for name in names]
    everything = (Contribution("intercept", None, -3.0), *terms)
    steps = waterfall_steps(TOPICS, everything)
    assert sum(value for _, value in steps) == pytest.approx(sum(c.points for c in everything), abs=0.006)
    assert steps[0] == ("average moment", -3.0)


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_every_chart_stays_inside_its_frame(width: int) -> None:
    risk = Interval(0.4, 0.2, 0.9)
    weeks = Weeks(np.arange(-27.0, 1.0), np.linspace(50, 80, 28), (55.0, 66.0), -3.0, -6.0, 28, 0)
    hour = np.arange(-24.0, 1.0)
    last = LastDay(hour, np.linspace(60, 90, 25), hour, np.full(25, 58.0), np.full(25, np.nan), 0)
    charts = [
        interval_chart([("30 min", risk), ("60 min", risk)], "risk", width),
        waterfall([("average moment", -3.0), ("glucose now", 2.0), ("last hours", -0.5)], "risk", width),
        weeks_chart(weeks, [(-14.0, "1 May"), (0.0, "15 May")], "weeks", width),
        day_chart(last, [(-24.0, "08:00"), (0.0, "08:00")], "day", width),
        difference_chart([risk, Interval(0.0, 0.0, 0.0)], "options"),
    ]
    for chart in charts:
        box = [float(part) for part in re.findall(r'viewBox="0 0 (\d+) (\d+)"', chart)[0]]
        assert all(0 <= float(x) <= box[0] for x in re.findall(r' c?x="(-?[\d.]+)"', chart))
        assert all(0 <= float(y) <= box[1] for y in re.findall(r' c?y="(-?[\d.]+)"', chart))


def test_the_profile_reaches_midnight_on_both_sides_and_names_its_unit() -> None:
    at_ms = np.arange(0, 14 * 288, dtype=np.int64) * 5 * MINUTE_MS
    glucose = series_of("glucose_cgm", "mg/dL", at_ms, 120 + 40 * np.sin(at_ms / 4e6))
    profile = ambulatory_profile(glucose, "UTC")
    assert not hasattr(profile, "code")
    chart = profile_chart(profile, (70.0, 180.0), "mmol/L", WIDE)  # type: ignore[arg-type]
    median = re.findall(r'class="median" d="M([\d.]+) [\d. L]*L([\d.]+) [\d.]+"', chart)[0]
    assert [float(x) for x in median] == [44.0, WIDE - 20.0]
    assert ">10.0<" in chart and ">180<" not in chart


def test_a_strip_marks_each_low_and_high_and_draws_nothing_over_a_gap() -> None:
    minute = np.array([0.0, 5.0, 10.0, 200.0, 205.0])
    value = np.array([60.0, 65.0, 100.0, 200.0, 210.0])
    day = Day(minute, value, value < 70, value > 180, [(5.0, 4.0)], [(10.0, 30.0)], (70.0, 180.0))
    strip = day_strip(day, "a day")
    marks = {name: d.count("M") for name, d in re.findall(r'class="mark (\w+)" d="([^"]*)"', strip)}
    assert marks == {"low": 2, "high": 2}
    trace = re.findall(r'class="trace" d="([^"]*)"', strip)[0]
    assert trace.count("M") <= 2 and strip.count('class="dose"') == strip.count('class="meal"') == 1


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_the_longest_name_of_a_step_is_written_whole(width: int) -> None:
    longest = max((topic.name for topic in (*TOPICS, BESIDE_CGM)), key=len).replace("_", " ")
    shown = waterfall([("average moment", -4.0), (longest, 0.4)], "Risk", width)
    (at,) = re.findall(rf'x="([\d.]+)" y="[\d.]+">{longest}<', shown)
    assert float(at) >= draw.LETTER_PX * len(longest)
