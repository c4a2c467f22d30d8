"""Insulin as delivered: boluses and stretches of basal, and how they differ from the scheduled basal.

Sits under insulin on board and insulin effect. Conventions as in LoopKit/LoopAlgorithm (InsulinMath, MIT).
"""

from dataclasses import dataclass

import numpy as np

from models.dosing.schedule import Array, Instants, Schedule

MS_PER_MIN = 60_000
MS_PER_H = 3_600_000
STEP_MS = 5 * MS_PER_MIN
# A dose given within about one step acts as if given at once.
MOMENTARY_MS = 1.05 * STEP_MS


@dataclass(frozen=True, slots=True)
class InsulinDoses:
    """Doses as columns of length n: from `start_ms` to `end_ms` (equal for a bolus given at once), units.

    `units` is what was delivered, or, after `net_of_basal`, how much more than scheduled (negative: less).
    """

    start_ms: Instants
    end_ms: Instants
    units: Array

    def __len__(self) -> int:
        return int(self.units.size)


def joined(*parts: InsulinDoses) -> InsulinDoses:
    """All doses of several records in one."""
    return InsulinDoses(
        np.concatenate([p.start_ms for p in parts]),
        np.concatenate([p.end_ms for p in parts]),
        np.concatenate([p.units for p in parts]),
    )


def net_of_basal(delivered: InsulinDoses, scheduled_u_per_h: Schedule) -> InsulinDoses:
    """Basal deliveries relative to the schedule, split where the schedule changes inside one.

    Raises ValueError where the schedule does not reach back to a delivery.
    """
    inside = [
        np.unique(np.concatenate(([start], changes[(changes > start) & (changes < end)], [end])))
        for changes in (scheduled_u_per_h.since_ms,)
        for start, end in zip(delivered.start_ms, delivered.end_ms, strict=True)
    ]
    start_ms = np.concatenate([edges[:-1] for edges in inside] or [np.empty(0, np.int64)])
    end_ms = np.concatenate([edges[1:] for edges in inside] or [np.empty(0, np.int64)])
    rate = delivered.units / np.maximum(delivered.end_ms - delivered.start_ms, 1)
    pieces = np.repeat(rate, [edges.size - 1 for edges in inside]) * (end_ms - start_ms)
    scheduled = scheduled_u_per_h.at(start_ms) * (end_ms - start_ms) / MS_PER_H
    return InsulinDoses(start_ms, end_ms, pieces - scheduled)


@dataclass(frozen=True, slots=True)
class MomentaryDoses:
    """Doses taken apart into amounts given at one instant; `dose` is the position of the dose each is part
    of.
    """

    at_ms: Instants
    units: Array
    dose: Instants


def momentary(doses: InsulinDoses) -> MomentaryDoses:
    """Long deliveries as one amount every five minutes, each at the beginning of its five minutes."""
    length_ms = doses.end_ms - doses.start_ms
    at_once = length_ms <= MOMENTARY_MS
    count = np.where(at_once, 1, -(-length_ms // STEP_MS))
    dose = np.repeat(np.arange(len(doses)), count)
    step = np.arange(dose.size) - np.repeat(np.cumsum(count) - count, count)
    begun_ms = step * STEP_MS
    share = np.minimum(STEP_MS, length_ms[dose] - begun_ms) / np.maximum(length_ms[dose], 1)
    return MomentaryDoses(
        doses.start_ms[dose] + begun_ms, doses.units[dose] * np.where(at_once[dose], 1.0, share), dose
    )
