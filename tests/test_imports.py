"""What the serving process loads, and what our own source never does."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("cds_service", "hooks", "fhir_mappers", "models")

LEARNING = {"torch", "sklearn", "interpret", "lightgbm", "pandas", "scipy", "joblib", "skops", "shap"}
LENIENT = {"jwt", "jose", "pickle5", "dill", "cloudpickle", "lxml", "xmltodict"}
NOT_SERVED = (
    "models.training",
    "models.simulation",
    "cds_service.sandbox",
    "authlib.jose",
    "xml.etree",
    "xml.sax",
)

LOADED = """
import json, sys
import cds_service.serve, cds_service.app
print(json.dumps(sorted(sys.modules)))
"""

FIRST_CALL = """
import json, sys, tempfile, time, uuid
sys.path.insert(0, {tests!r})
from base64 import urlsafe_b64encode
from joserfc.jwk import ECKey
from conftest import BASE_URL, Ehr, make_tenant
from cds_service.addresses import parse_base
from cds_service.app import create_app
from cds_service.settings import Settings
key = ECKey.generate_key("P-384", {{"kid": "k", "alg": "ES384", "use": "sig"}})
folder = tempfile.mkdtemp()
settings = Settings(parse_base(BASE_URL), f"sqlite:///{{folder}}/x.db", urlsafe_b64encode(b"k" * 32), (make_tenant(key),))
app = create_app(settings)
body = open({body!r}, "rb").read()
with app.test_client() as client:
    ehr = Ehr(key, settings.tenants[0], client)
    token = ehr.token(BASE_URL)
    before = set(sys.modules)
    answer = ehr.call("glucose-review", body)
assert answer.status_code == 200, answer.data
print(json.dumps(sorted(set(sys.modules) - before)))
"""

OURS = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def python(source: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error::ImportWarning", "-c", source], cwd=ROOT, capture_output=True, text=True, check=True
    )  # fmt: skip
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.spec("J-01", "B-10", "X14")
def test_J01_the_serving_process_loads_no_learning_library_and_no_second_jwt_or_xml_reader() -> None:
    loaded = python(LOADED)
    assert {"cds_service.serve", "joserfc", "numpy"} <= set(loaded)
    assert {name.partition(".")[0] for name in loaded} & (LEARNING | LENIENT) == set()
    assert [name for name in loaded if name.startswith(NOT_SERVED)] == []


@pytest.mark.spec("PE4")
def test_PE4_the_first_call_finds_everything_loaded() -> None:
    golden = ROOT / "tests" / "golden" / "glucose-review" / "night-lows.request.json"
    late = python(FIRST_CALL.format(tests=str(ROOT / "tests"), body=str(golden)))
    assert [name for name in late if name.startswith(PACKAGES)] == [] and len(late) < 20, late


@pytest.mark.spec("X14")
def test_X14_the_jose_library_is_one_without_the_known_holes() -> None:
    assert tuple(int(part) for part in version("joserfc").split(".")[:2]) >= (1, 8)


def forbidden(tree: ast.AST) -> Iterator[str]:
    """Calls and imports that run what they read, or that trust whoever answers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            named = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            )
            yield from (
                {n.partition(".")[0] for n in named} & {"pickle", "joblib", "marshal", "shelve", "dill"}
            )
        elif isinstance(node, ast.Call):
            yield from _forbidden_call(node)


def _forbidden_call(call: ast.Call) -> Iterator[str]:
    name = ast.unparse(call.func)
    if name in {
        "eval",
        "exec",
        "yaml.load",
        "yaml.unsafe_load",
        "torch.load",
        "os.system",
    }:
        yield name
    if name in {"np.load", "numpy.load"} and "allow_pickle=False" not in map(ast.unparse, call.keywords):
        yield name
    for keyword in call.keywords:
        if ast.unparse(keyword) in {
            "verify=False",
            "shell=True",
            "allow_pickle=True",
            "check_hostname=False",
        }:
            yield f"{name}({ast.unparse(keyword)})"


@pytest.mark.spec("J-01", "C-11")
@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_J01_C11_no_source_of_ours_runs_what_it_reads_or_skips_verification(path: Path) -> None:
    assert list(forbidden(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "requests.get(x, verify=False)",
        "yaml.load(x)",
        "eval(x)",
        "np.load(x)",
    ],
)
def test_what_is_forbidden_would_be_found(source: str) -> None:
    assert len(list(forbidden(ast.parse(source)))) == 1
