"""How well the personal fit recovers known truth in simulation. Run: python tests/benchmarks/personal_fit.py"""

import json
import time

import numpy as np

from models.assessment import Reason
from models.dosing import personal_fit
from models.dosing.personal_fit import MODEL_ERROR, PersonalFit, fit_person
from models.dosing.recorded_days import RecordedDays
from models.simulation.run import simulate_world
from models.simulation.therapy_cases import draw_cases
from models.simulation.true_settings import true_settings
from models.simulation.worlds import WORLDS, World

CASES, DAYS, SEEDS = 60, 14, (11, 12, 13)


def people(world: World, seed: int) -> tuple[list[RecordedDays], dict[str, np.ndarray]]:
    """Mis-set adults and adolescents with their records and their truth."""
    cases = draw_cases(CASES, np.random.default_rng(seed))
    trace = simulate_world(cases.patients, cases.start, world, DAYS, np.random.default_rng(seed + 1000))
    columns = (trace.cgm_mgdl, trace.basal_u, trace.bolus_u, trace.announced_g)
    truth = true_settings(cases.patients)
    return [RecordedDays(0, *row) for row in zip(*columns, strict=True)], {
        "sensitivity_mgdl_per_u": truth.sensitivity_mgdl_per_u,
        "carb_ratio_g_per_u": truth.carb_ratio_g_per_u,
        "basal_night_u_per_h": truth.basal_u_per_h,
        "basal_day_u_per_h": truth.basal_u_per_h,
    }


def summary(fits: list[PersonalFit | Reason], truth: dict[str, np.ndarray]) -> dict[str, float]:
    """Median relative error and share of 90 % intervals that hold the truth, of those not refused."""
    fitted = [(fit, i) for i, fit in enumerate(fits) if isinstance(fit, PersonalFit)]
    found: dict[str, float] = {"refused_percent": 100.0 * (1.0 - len(fitted) / len(fits))}
    for name in MODEL_ERROR:
        pairs = [(getattr(fit, name), truth[name][i]) for fit, i in fitted]
        off = [abs(each.value / true - 1.0) for each, true in pairs]
        held = [each.low <= true <= each.high for each, true in pairs]
        found[f"{name}_median_error_percent"] = 100.0 * float(np.median(off))
        found[f"{name}_interval_holds_percent"] = 100.0 * float(np.mean(held))
    return {name: round(value, 1) for name, value in found.items()}


def measure(world: World) -> dict[str, float]:
    """One world, all seeds."""
    drawn = [people(world, seed) for seed in SEEDS]
    truth = {name: np.concatenate([truths[name] for _, truths in drawn]) for name in drawn[0][1]}
    started = time.perf_counter()
    fits = [fit_person(days) for each, _ in drawn for days in each]
    ms = 1000.0 * (time.perf_counter() - started) / len(fits)
    return summary(fits, truth) | {"ms_each": round(ms, 2)}


if __name__ == "__main__":
    measured = {name: measure(world) for name, world in WORLDS.items()}
    personal_fit.LEAST_EXPLAINED_PERCENT, personal_fit.WIDEST_RATIO = -np.inf, np.inf  # what refusing spares
    measured |= {f"{name}, nobody refused for a poor fit": measure(world) for name, world in WORLDS.items()}
    print(json.dumps(measured, indent=1))
