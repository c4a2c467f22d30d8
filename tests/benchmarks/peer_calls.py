"""The documented paths of the peers on our input, timed where they are installed: python peer_calls.py FOLDER

Run in an environment of its own by peers.py, which writes the input into FOLDER: the bodies of prefetch as
`<key>.json`, the CGM as `cgm.csv`. Prints milliseconds of CPU time.
"""

import csv
import json
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import iglu_python
import pandas
from healthchain.fhir import convert_prefetch_to_fhir_objects

ROUNDS = 3
METRICS = (
    "above_percent", "active_percent", "adrr", "auc", "below_percent", "conga", "cv_glu", "ea1c",
    "episode_calculation", "gmi", "grade", "gri", "gvp", "hbgi", "hyper_index", "hypo_index", "igc",
    "in_range_percent", "iqr_glu", "j_index", "lbgi", "m_value", "mad_glu", "mag", "mage", "mean_glu",
    "median_glu", "modd", "pgs", "quantile_glu", "range_glu", "roc", "sd_glu", "sd_measures", "sd_roc",
    "summary_glu",
)  # fmt: skip


def best_ms(call: Callable[[], object]) -> float:
    """The quickest of a few calls."""
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        call()
        times.append(time.process_time() - started)
    return round(1000 * min(times), 1)


def typed(bodies: dict[str, bytes]) -> object:
    """Every prefetched resource as a typed object, from bytes."""
    return convert_prefetch_to_fhir_objects({key: json.loads(body) for key, body in bodies.items()})


def frame(file: Path) -> pandas.DataFrame:
    """The CGM as iglu wants it: id, time, gl."""
    with file.open(newline="") as lines:
        rows = [("p", datetime.fromisoformat(row["time"]), float(row["gl"])) for row in csv.DictReader(lines)]
    return pandas.DataFrame(rows, columns=["id", "time", "gl"])


def main(folder: Path) -> None:
    """Times both peers."""
    bodies = {file.stem: file.read_bytes() for file in sorted(folder.glob("*.json"))}
    glucose = frame(folder / "cgm.csv")
    known = [getattr(iglu_python, name) for name in METRICS if hasattr(iglu_python, name)]
    print(
        json.dumps(
            {
                "healthchain_typed_ms": best_ms(lambda: typed(bodies)),
                "iglu_python_all_ms": best_ms(lambda: [metric(glucose) for metric in known]),
                "iglu_python_basic_ms": best_ms(
                    lambda: [
                        getattr(iglu_python, name)(glucose)
                        for name in ("mean_glu", "cv_glu", "gmi", "in_range_percent", "lbgi", "hbgi", "gri")
                    ]
                ),
                "iglu_python_metrics": len(known),
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
