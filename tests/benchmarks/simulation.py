"""Speed of the simulator: patient-days a second, one process and two. Run: python tests/benchmarks/simulation.py"""

import json
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from models.simulation.controller import reference_therapy
from models.simulation.run import simulate
from models.simulation.virtual_patients import patients_in
from models.simulation.worlds import DEFAULT, SHIFTED, World, draw_circumstances

PATIENTS, DAYS = 1_500, 4


def seconds(world: World) -> float:
    """Time to live through the circumstances, and to draw them."""
    patients = patients_in("adult", "adolescent").take(np.arange(PATIENTS) % 20)
    started = time.perf_counter()
    around = draw_circumstances(world, PATIENTS, DAYS, np.random.default_rng(1))
    simulate(patients, reference_therapy(patients), around)
    return time.perf_counter() - started


def days_per_s(world: World, processes: int) -> float:
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(seconds, [world] * processes))  # start-up is not what is measured
        started = time.perf_counter()
        list(pool.map(seconds, [world] * processes))
        return processes * PATIENTS * DAYS / (time.perf_counter() - started)


if __name__ == "__main__":
    measured = {
        f"sim_days_per_s_{world.name}_{n}_process": round(days_per_s(world, n))
        for world in (DEFAULT, SHIFTED)
        for n in (1, 2)
    }
    print(json.dumps(measured, indent=1))
