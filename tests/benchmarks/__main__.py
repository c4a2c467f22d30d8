"""All speed measurements in one run, into .bench/latest.json: `python -m tests.benchmarks [--peers]`."""

import argparse
import json
import platform
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = Path(".bench")
sys.path[:0] = [str(HERE), str(HERE.parent)]

import features  # noqa: E402
import hook  # noqa: E402
import load  # noqa: E402
import mapper  # noqa: E402


def peers_python() -> Path:
    """A Python of its own with the peers, made at the first use: they want other versions than we do."""
    folder = RESULTS / "peers"
    python = folder / "bin" / "python"
    if not python.exists():
        print("Installing the peers ...", file=sys.stderr)
        venv.create(folder, with_pip=True)
        requirements = str(HERE / "requirements.txt")
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", requirements], check=True)
    return python


def main() -> None:
    arguments = argparse.ArgumentParser(prog="tests.benchmarks", description=__doc__)
    arguments.add_argument("--peers", action="store_true", help="measure HealthChain and iglu_python too")
    asked = arguments.parse_args()
    RESULTS.mkdir(exist_ok=True)
    measured: dict[str, object] = {"python": platform.python_version(), "machine": platform.processor()}
    for part in (mapper, features, hook, load):
        print(f"{part.__name__} ...", file=sys.stderr)
        measured |= part.measure()
    if asked.peers:
        import peers

        python = peers_python()
        ours = (float(str(measured[name])) for name in ("record_ms", "features_14_days_ms"))
        measured |= peers.measure(python, float(str(measured["p50_ms"])))
        measured |= peers.measure_calls(python, *ours)
    text = json.dumps(measured, indent=1)
    (RESULTS / "latest.json").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
