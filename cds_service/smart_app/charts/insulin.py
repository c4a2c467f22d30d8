"""The chart of the insulin page: what each option is expected to change, with its interval.

Part of `charts`.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from markupsafe import Markup

from cds_service.smart_app.charts import plot as draw
from cds_service.smart_app.charts.plot import NARROW, Plot
from models.assessment import Interval

ROW: Final = 30
LEAST_RANGE: Final = 2.0


def difference_chart(options: Sequence[Interval], label: str) -> Markup:
    """Options numbered from 1, each as a point with its interval around the line of no difference."""
    reach = 1.1 * max(LEAST_RANGE, *(max(abs(found.low), abs(found.high)) for found in options))
    plot = Plot(NARROW, ROW * len(options) + 34, (-reach, reach), (0.0, float(len(options))), left=30)
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100) if reach / s <= 4)
    ticks = [(float(v), f"{v:+.0f}" if v else "0") for v in np.arange(-(reach // step) * step, reach, step)]
    parts = [
        *(draw.rule_at_x(plot, at, "grid") for at, _ in ticks),
        draw.rule_at_x(plot, 0.0, "edge"),
        *draw.x_labels(plot, ticks),
    ]
    for number, found in enumerate(options, start=1):
        y = len(options) - number + 0.5
        parts.append(draw.rectangle(plot, (found.low, found.high), (y - 0.13, y + 0.13), "interval"))
        parts.append(draw.dot(plot, (found.value, y), "value", radius=5))
        parts.append(draw.text(plot.left - 8, plot.at_y(y) + 4, str(number), "tick end"))
    return draw.figure(plot, label, parts, "differences")
