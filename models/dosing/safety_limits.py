"""Reads the signed file of dose limits; what stands between a care organisation's decision and the clamp.

A file is signed when it names who signed, in which role and when, and carries the SHA-256 of its own terms,
so that a number changed after signing is found. No file may be laxer than hazard H-01 allows. Without a
usable file no dose is computed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from models.dosing.limits import BasalLimits, WeeklyStep

# The outer bounds of H-01: (lowest, highest) that any file may say.
_BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "start_units": (1, 10),
    "start_units_per_kg": (0.01, 0.2),
    "step_units": (0, 2),
    "step_fraction": (0, 0.10),
    "interval_days": (3, 90),
    "ceiling_units_per_kg": (0.1, 0.5),
}
_WEEKLY_BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "units": (0, 8),
    "fraction": (0, 0.20),
    "interval_days": (7, 90),
}


class UnusableLimits(ValueError):
    """The limits file is missing, malformed, unsigned, changed after signing, or laxer than H-01."""


@dataclass(frozen=True, slots=True)
class SafetyLimits:
    """Limits with where they come from and who signed them."""

    id: str
    version: str
    owner: str
    dated: date
    source: str
    signed_by: str
    signed_role: str
    signed_on: date
    basal: BasalLimits


def load_limits(text: str) -> SafetyLimits:
    """The limits in a YAML file's text. UnusableLimits says what is wrong with it."""
    try:
        file = yaml.safe_load(text)
        signed = file["signed"]
        if signed["sha256"] != digest(_terms(file)):
            raise UnusableLimits("the limits were changed after they were signed, or never signed")
        return SafetyLimits(
            id=_text(file["id"]),
            version=_text(file["version"]),
            owner=_text(file["owner"]),
            dated=_day(file["date"]),
            source=_text(file["source"]),
            signed_by=_text(signed["by"]),
            signed_role=_text(signed["role"]),
            signed_on=_day(signed["date"]),
            basal=_basal(file["limits"]),
        )
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise UnusableLimits(f"the limits file cannot be read: {error}") from error


@cache
def packaged_limits() -> SafetyLimits:
    """The limits that come with the software. UnusableLimits when they are missing or unsigned."""
    try:
        text = files("models.dosing").joinpath("safety_limits.yaml").read_text("utf-8")
    except FileNotFoundError as error:
        raise UnusableLimits("the limits file is missing") from error
    return load_limits(text)


def digest(terms: Mapping[str, Any]) -> str:
    """SHA-256 in hex over the terms that are signed, as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(terms, sort_keys=True, default=str).encode()).hexdigest()


def digest_to_sign(text: str) -> str:
    """The digest that a signature under this file must carry. UnusableLimits where terms are missing."""
    try:
        return digest(_terms(yaml.safe_load(text)))
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise UnusableLimits(f"the limits file cannot be read: {error}") from error


def _terms(file: Mapping[str, Any]) -> dict[str, Any]:
    return {name: file[name] for name in _SIGNED_TERMS}


_SIGNED_TERMS: Final = ("id", "version", "owner", "date", "source", "limits")


def _basal(limits: Mapping[str, Any]) -> BasalLimits:
    weekly = limits["weekly_step"]
    return BasalLimits(
        **_bounded({name: value for name, value in limits.items() if name != "weekly_step"}, _BOUNDS),
        weekly_step=None if weekly is None else WeeklyStep(**_bounded(weekly, _WEEKLY_BOUNDS)),
    )


def _bounded(limits: Mapping[str, Any], bounds: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    if set(limits) != set(bounds):
        raise UnusableLimits(f"limits missing or unknown: {sorted(set(limits) ^ set(bounds))}")
    for name, (low, high) in bounds.items():
        value = limits[name]
        # `not (low <= value <= high)` also catches NaN
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise UnusableLimits(f"{name} must lie between {low} and {high}, and is {value!r}")
    return {name: float(value) for name, value in limits.items()}


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UnusableLimits(f"a name, version or source is empty: {value!r}")
    return value


def _day(value: object) -> date:
    if not isinstance(value, date):
        raise UnusableLimits(f"a date reads YYYY-MM-DD: {value!r}")
    return value
