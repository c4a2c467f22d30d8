"""What a virtual patient truly needs, found by experiment: basal rate, sensitivity, carb ratio.

Sits on the patient model; the yardstick for whatever reads settings from records. The questionnaire that
comes with the virtual patients is not that: at its basal rates fasting glucose settles at 133 to 153 mg/dL.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.dosing.therapy import Array
from models.simulation.patient_model import PatientModel
from models.simulation.virtual_patients import VirtualPatients

FASTING_MGDL: Final = 120.0
FALLS_FROM_MGDL: Final = 150.0
SETTLES_MIN, ACTS_MIN, MEAL_OVER_MIN = 30 * 60, 6 * 60, 5 * 60
MEAL_G: Final = 50.0
SMALL_BOLUS: Final = 0.03
"""Of the daily dose: small enough to stay clear of hypoglycaemia."""

RATES: Final = np.linspace(0.6, 1.8, 25)
BOLUSES: Final = np.linspace(0.3, 4.0, 30)
"""Tried, as multiples of what the questionnaire says."""


@dataclass(frozen=True, slots=True)
class TrueSettings:
    """Of n patients, (n,) each: the rate at which fasting glucose settles at 120 mg/dL; the fall at its
    lowest within six hours of one unit, from 150 mg/dL; the carbohydrate of a 50 g meal for each unit that
    brings glucose back after five hours.
    """

    basal_u_per_h: Array
    sensitivity_mgdl_per_u: Array
    carb_ratio_g_per_u: Array


def true_settings(patients: VirtualPatients) -> TrueSettings:
    """By experiment, on the patients as they are, without noise."""
    fasting = _settled_mgdl(patients)
    need = _rate_for(patients, fasting, FASTING_MGDL)
    higher = _rate_for(patients, fasting, FALLS_FROM_MGDL)
    return TrueSettings(need, _fall_per_u(patients, higher), _carb_ratio(patients, need))


def _each(patients: VirtualPatients, multiples: Array) -> tuple[VirtualPatients, Array]:
    """Every patient with every multiple."""
    many = patients.take(np.repeat(np.arange(len(patients)), multiples.size))
    return many, np.tile(multiples, len(patients))


def _settled(patients: VirtualPatients, rate_u_per_h: Array) -> PatientModel:
    model, nothing = PatientModel(patients), np.zeros(len(patients))
    for _ in range(SETTLES_MIN):
        model.step(rate_u_per_h / 60.0, nothing)
    return model


def _settled_mgdl(patients: VirtualPatients) -> Array:
    many, multiple = _each(patients, RATES)
    return _settled(many, many.basal_u_per_h * multiple).glucose_mgdl.reshape(len(patients), -1)


def _rate_for(patients: VirtualPatients, settled_mgdl: Array, level_mgdl: float) -> Array:
    multiple = [np.interp(-level_mgdl, -row, RATES) for row in settled_mgdl]
    return np.asarray(multiple * patients.basal_u_per_h)


def _fall_per_u(patients: VirtualPatients, rate_u_per_h: Array) -> Array:
    model, nothing = _settled(patients, rate_u_per_h), np.zeros(len(patients))
    bolus_u = SMALL_BOLUS * patients.daily_insulin_u
    before = lowest = model.glucose_mgdl.copy()
    for minute in range(ACTS_MIN):
        model.step(rate_u_per_h / 60.0 + (bolus_u if minute == 0 else 0.0), nothing)
        lowest = np.minimum(lowest, model.glucose_mgdl)
    return np.asarray((before - lowest) / bolus_u)


def _carb_ratio(patients: VirtualPatients, need_u_per_h: Array) -> Array:
    many, multiple = _each(patients, BOLUSES)
    rate = np.repeat(need_u_per_h, BOLUSES.size) / 60.0
    bolus_u = MEAL_G / many.carb_ratio_g_per_u * multiple
    model = _settled(many, rate * 60.0)
    before, nothing = model.glucose_mgdl.copy(), np.zeros(len(many))
    for minute in range(MEAL_OVER_MIN):
        eaten = np.full(len(many), MEAL_G) if minute == 0 else nothing
        model.step(rate + (bolus_u if minute == 0 else 0.0), eaten)
    off = (model.glucose_mgdl - before).reshape(len(patients), -1)
    balanced = [np.interp(0.0, -row, BOLUSES) for row in off]
    return np.asarray(patients.carb_ratio_g_per_u / balanced)
