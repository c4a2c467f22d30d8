"""People with CGM readings as tests need them, and files of such people."""

import numpy as np

from models.risk.causal_grid import SLOTS_PER_DAY
from models.training.cgm_people import Person


def person(seed, days=20, name="set/one"):
    """Glucose that swings about 115 mg/dL, drifts and fails now and then; slots begin at midnight."""
    rng = np.random.default_rng(seed)
    slots = int(days * SLOTS_PER_DAY)
    glucose = 115 + 35 * np.sin(np.arange(slots) / 37) + np.cumsum(rng.normal(0, 2, slots)) * 0.05
    glucose = np.clip(glucose + rng.normal(0, 6, slots), 41, 390).round()
    glucose[rng.random(slots) < 0.05] = np.nan
    return Person(name, 1_000 * SLOTS_PER_DAY, glucose)


def written(folder, people):
    """A file in the format of the open data set."""
    code, delta, mgdl = [], [], []
    for index, one in enumerate(people):
        slot = one.first_slot + np.flatnonzero(~np.isnan(one.measured))
        code += [index] * slot.size
        delta += [int(slot[0]), *np.diff(slot).tolist()]
        mgdl += one.measured[~np.isnan(one.measured)].astype(int).tolist()
    path = folder / "people.npz"
    np.savez(path, ids=np.array([p.name for p in people]), code=np.array(code, np.uint8),
             slot_delta=np.array(delta, np.int32), mgdl=np.array(mgdl, np.int16))  # fmt: skip
    return path
