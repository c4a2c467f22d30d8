"""The 30 virtual type 1 patients of the UVA/Padova family: parameters, initial states, questionnaire.

Sits at the bottom of models.simulation: it reads the packaged parameter tables once and hands out arrays.
Source: simglucose 0.2.11 (MIT), see parameters/ATTRIBUTION.md.
"""

import csv
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

PMOL_PER_U = 6000.0
STATE_COUNT = 13


@dataclass(frozen=True)
class VirtualPatients:
    """A batch of virtual patients: one array element per patient, units as in the UVA/Padova papers.

    Attributes that are not kinetic parameters:
        name: (n,) str, e.g. `adult#001`.
        initial_state: (13, n) masses at a steady state of basal insulin.
        carb_ratio_g_per_u, correction_mgdl_per_u, age_years, daily_insulin_u: (n,) the questionnaire.
    """

    name: NDArray[np.str_]
    initial_state: Array
    carb_ratio_g_per_u: Array
    correction_mgdl_per_u: Array
    age_years: Array
    daily_insulin_u: Array
    bw: Array  # body weight, kg
    b: Array
    d: Array
    f: Array
    kabs: Array
    kmax: Array
    kmin: Array
    ke1: Array
    ke2: Array
    fsnc: Array
    kp1: Array
    kp2: Array
    kp3: Array
    k1: Array
    k2: Array
    vm0: Array
    vmx: Array
    km0: Array
    vg: Array
    m1: Array
    m2: Array
    m4: Array
    m30: Array
    ka1: Array
    ka2: Array
    kd: Array
    ksc: Array
    ki: Array
    p2u: Array
    vi: Array
    ib: Array
    u2ss: Array

    def __len__(self) -> int:
        return len(self.name)

    @property
    def weight_kg(self) -> Array:
        """Body weight, kg, (n,)."""
        return self.bw

    @property
    def basal_u_per_h(self) -> Array:
        """Insulin rate that holds the initial steady state, U/h, (n,)."""
        return self.u2ss * self.bw / PMOL_PER_U * 60.0

    @property
    def group(self) -> NDArray[np.str_]:
        """`adolescent`, `adult` or `child` of each patient, (n,)."""
        return np.array([name.split("#")[0] for name in self.name])

    def take(self, index: ArrayLike) -> "VirtualPatients":
        """The patients at these positions, repeats allowed."""
        rows = np.asarray(index)
        return VirtualPatients(**{f.name: getattr(self, f.name)[..., rows] for f in fields(self)})


def _table(file_name: str) -> dict[str, list[str]]:
    """Columns of a packaged table by lower-case heading."""
    text = files("models.simulation").joinpath("parameters", file_name).read_text(encoding="utf-8-sig")
    heading, *rows = csv.reader(text.splitlines())
    return {name.lower(): [row[i] for row in rows] for i, name in enumerate(heading)}


@cache
def all_patients() -> VirtualPatients:
    """All 30 in file order: ten adolescents, ten adults, ten children."""
    kinetic, quest = _table("vpatient_params.csv"), _table("quest.csv")
    names = [f.name for f in fields(VirtualPatients) if f.name in kinetic and f.name != "name"]
    return VirtualPatients(
        **{
            **{name: np.array(kinetic[name], float) for name in names},
            "name": np.array(kinetic["name"]),
            "initial_state": np.array([kinetic[f"x0_{i:2d}"] for i in range(1, STATE_COUNT + 1)], float),
            "carb_ratio_g_per_u": np.array(quest["cr"], float),
            "correction_mgdl_per_u": np.array(quest["cf"], float),
            "age_years": np.array(quest["age"], float),
            "daily_insulin_u": np.array(quest["tdi"], float),
        }
    )


def patients_named(*names: str) -> VirtualPatients:
    """The patients of these names, in this order. Raises KeyError for a name that is not among the 30."""
    position = {str(name): i for i, name in enumerate(all_patients().name)}
    return all_patients().take([position[name] for name in names])


def patients_in(*groups: str) -> VirtualPatients:
    """All patients of these groups (`adult`, `adolescent`, `child`), in file order."""
    return all_patients().take(np.flatnonzero(np.isin(all_patients().group, groups)))
