"""All speed measurements in one run, into .bench/latest.json: `python -m tests.benchmarks [--peers] [PART ...]`."""

import argparse
import json
import platform
import subprocess
import sys
import venv
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = Path(".bench")
sys.path[:0] = [str(HERE), str(HERE.parent)]

PARTS = ("mapper", "features", "risk_models", "hook", "app", "load")
MORE = ("trust", "soak")
"""The table of faults, and ten minutes of hooks: asked for by name."""


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
    arguments.add_argument("parts", nargs="*", choices=[*PARTS, *MORE, []], help="these alone, printed")
    arguments.add_argument("--peers", action="store_true", help="measure HealthChain and iglu_python too")
    asked = arguments.parse_args()
    if asked.parts:
        print(json.dumps({name: import_module(name).measure() for name in asked.parts}, indent=1))
        return
    RESULTS.mkdir(exist_ok=True)
    measured: dict[str, object] = {"python": platform.python_version(), "machine": platform.processor()}
    for name in PARTS:
        print(f"{name} ...", file=sys.stderr)
        measured |= import_module(name).measure()
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
