"""Which changes of settings may be offered to one person, best first, with what is expected of each.

Sits between the value of action, the guards and the personal fit on one side and the setting adjustment on
the other. Whatever the model prefers, a change that the guards or the person's own records speak against is
not among the options.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.dosing.insulin_habits import Habit
from models.dosing.personal_fit import PersonalFit
from models.dosing.recorded_days import RecordedDays
from models.dosing.setting_actions import PARTS, SettingChange, all_changes, applied
from models.dosing.setting_evidence import spoken_against
from models.dosing.setting_features import NIGHT_H, glucose_shares
from models.dosing.setting_guards import lows_forbid_more_insulin
from models.dosing.therapy import Therapy
from models.dosing.value_of_action import RankedChange, ValueModel, ranked_changes

OPTIONS: Final = 4
SPLIT_BASAL: Final = frozenset({"basal_night", "basal_day"})
"""Settings that only a pump has."""


# A change is proposed from here on. In range: 3 points are taken for meaningful in trials (Battelino et al.,
# Lancet Diabetes Endocrinol 2023;11:42); risk index and lows: our judgement.
MORE_IN_RANGE_POINTS, LESS_RISK_POINTS, FEWER_LOWS_POINTS = 3.0, 3.0, 0.5

HABITS_FIRST_PER_WEEK: Final = 3.0
"""Missed and late boluses: from here on more insulin is no answer to highs (our judgement)."""

MEAL_HABITS: Final = frozenset({"missed_bolus", "uncovered_entry", "late_bolus"})


@dataclass(frozen=True)
class SettingAdvice:
    """Everything a card says of one person's settings.

    Attributes:
        options: best first; "no change" is always one of them.
        only_reductions: why no change that adds insulin was considered (`time_below_range`,
            `low_within_24_h`, `very_low_within_7_d`, `habits`); empty where they were.
        crossed_out: how many changes the person's own records spoke against.
        now: percent of readings in the consensus bands, and the glycaemia risk index.
        features: what the model looked at, by name.
    """

    options: tuple[RankedChange, ...]
    only_reductions: tuple[str, ...]
    crossed_out: int
    days: RecordedDays
    therapy: Therapy
    by_pump: bool
    fit: PersonalFit
    habits: tuple[Habit, ...]
    now: dict[str, float]
    features: dict[str, float]

    @property
    def too_low(self) -> bool:
        """Whether more time was spent in hypoglycaemia than the consensus targets allow."""
        return bool(lows_forbid_more_insulin(np.array([self.now["tbr"]]), np.array([self.now["tbr54"]]))[0])

    @property
    def sees_specialist_first(self) -> bool:
        """Whether lows are too many and no option is expected to mend them."""
        return self.too_low and not self.best.change.settings

    @property
    def best(self) -> RankedChange:
        """The first option."""
        return self.options[0]

    def after(self, change: SettingChange) -> Therapy:
        """The settings in use with a change made."""
        return applied(self.therapy, change.log_factors)


def choose_options(
    model: ValueModel, features: dict[str, float], only_reductions: bool, unwanted: frozenset[SettingChange]
) -> tuple[RankedChange, ...]:
    """The best permitted changes that are not unwanted, one for each choice of settings.

    "No change" is among them, and first where the best of the others is not expected to be worth it.
    """
    everything = ranked_changes(model, features, only_reductions, at_most=len(all_changes()))
    kept: dict[frozenset[str], RankedChange] = {}
    for option in everything:
        if option.change not in unwanted:
            kept.setdefault(frozenset(option.change.settings), option)
    idle = kept.pop(frozenset())
    best = list(kept.values())[: OPTIONS - 1]
    too_low = bool(lows_forbid_more_insulin(*(np.array([features[n]]) for n in ("tbr", "tbr54")))[0])
    at = sum(1 for option in best if option.score < idle.score and is_worth_it(option, too_low))
    worth = sorted(best, key=lambda option: not is_worth_it(option, too_low))
    return (*worth[:at], idle, *worth[at:])


def is_worth_it(option: RankedChange, too_low: bool) -> bool:
    """Whether a change is expected to do enough to bother anybody with it."""
    if too_low:
        return option.tbr.value <= -FEWER_LOWS_POINTS
    return option.tir.value >= MORE_IN_RANGE_POINTS or option.gri.value <= -LESS_RISK_POINTS


def unwanted_changes(
    fit: PersonalFit, therapy: Therapy, by_pump: bool, features: dict[str, float]
) -> tuple[frozenset[SettingChange], int]:
    """Changes not to be offered, and how many of them because the own records speak against them."""
    changes, too_much = all_changes(), _needs_less(fit, therapy)
    more = np.array([change.log_factors for change in changes]) > 0.0
    contradicted = (more & too_much).any(axis=1) | spoken_against(features, changes)
    split = np.array([not by_pump and bool(SPLIT_BASAL & set(c.settings)) for c in changes])
    unwanted = frozenset(c for c, out in zip(changes, contradicted | split, strict=True) if out)
    return unwanted, int(contradicted.sum())


def _needs_less(fit: PersonalFit, therapy: Therapy) -> np.ndarray:
    """For each part whether its insulin is above all that the person's records allow for, (parts,)."""
    night = np.zeros(24, bool)
    night[NIGHT_H[0] : NIGHT_H[1]] = True
    basal = therapy.basal_u_per_h[0]
    ratio = therapy.carb_ratio_g_per_u[0]
    less = {
        "basal_night": fit.basal_night_u_per_h.high < basal[night].mean(),
        "basal_day": fit.basal_day_u_per_h.high < basal[~night].mean(),
        "sensitivity": fit.sensitivity_mgdl_per_u.low > therapy.sensitivity_mgdl_per_u[0].mean(),
    }
    stretched = fit.carb_ratio_g_per_u.low > ratio.mean()
    return np.array([less.get(part, stretched) for part in PARTS], bool)


def shares_now(days: RecordedDays) -> dict[str, float]:
    """Percent of readings in the consensus bands and the glycaemia risk index of these days."""
    return {name: float(value[0]) for name, value in glucose_shares(days.cgm_mgdl[None]).items()}


def habits_come_first(habits: tuple[Habit, ...]) -> bool:
    """Whether boluses are missed or late so often that they are to be mended before insulin is added."""
    return bool(sum(h.per_week for h in habits if h.name in MEAL_HABITS) >= HABITS_FIRST_PER_WEEK)
