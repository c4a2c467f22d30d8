"""oref0 autotune as an arm of the trial, run through Node from a checkout of this project.

Used by the command `trial` alone. The package itself holds no part of oref0: it is installed by npm into the
folder of the benchmarks, which a checkout has and an installed package has not.
"""

import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from models.dosing.therapy import Therapy
from models.simulation.arms import Review
from models.simulation.autotune_inputs import autotune_questions, tuned_therapy

FOLDER: Final = Path(__file__).resolve().parent.parent / "tests" / "benchmarks" / "autotune"
PROCESSES: Final = 2
LONGEST_S: Final = 3600.0


class AutotuneAbsent(Exception):
    """Node or oref0 is not here, or autotune failed; the text says which and what to do."""


class Autotune:
    """Autotune, found on this machine. Raises AutotuneAbsent where it is not."""

    def __init__(self, folder: Path = FOLDER) -> None:
        node = shutil.which("node")
        if node is None:
            raise AutotuneAbsent("the arm autotune needs Node 20 or later, and there is no `node` here")
        if not (folder / "node_modules" / "oref0").is_dir():
            raise AutotuneAbsent(f"the arm autotune needs oref0: run `npm ci` in {folder} of a checkout")
        self._command = (node, str(folder / "autotune.js"))

    def __call__(self, review: Review) -> Therapy:
        """The therapy that autotune asks for; it is not held to any guard of ours."""
        return tuned_therapy(self.answers(autotune_questions(review)))

    def answers(self, questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What autotune answers to each question, in order."""
        size = -(-len(questions) // PROCESSES)
        shares = [questions[i : i + size] for i in range(0, len(questions), size)]
        with ThreadPoolExecutor(PROCESSES) as pool:
            return [answer for share in pool.map(self._run, shares) for answer in share]

    def _run(self, questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        text = "".join(json.dumps(question) + "\n" for question in questions)
        zone = {"PATH": os.environ.get("PATH", ""), "TZ": "UTC"}  # autotune counts hours in local time
        done = subprocess.run(
            self._command,
            input=text,
            capture_output=True,
            text=True,
            env=zone,
            timeout=LONGEST_S,
            check=False,
        )
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        if done.returncode or len(answers) != len(questions):
            raise AutotuneAbsent(f"autotune stopped after {len(answers)} of {len(questions)} patients")
        return answers
