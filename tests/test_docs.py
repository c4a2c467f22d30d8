"""What the documents tell a newcomer to type and to write is what the software takes."""

import re
import stat
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cds_service.cli import main
from cds_service.settings import PREFIX, Settings
from cds_service.tenants_file import read_tenants
from hooks.registry import SERVICES

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SETTINGS = set(Settings.__dataclass_fields__)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_in_a_document_exists(document: Path) -> None:
    for words in re.findall(r"wearable-cds ((?:[a-z]+ ?)+)", document.read_text("utf-8")):
        command: click.Command = main
        for word in words.split():
            group = command if isinstance(command, click.Group) else click.Group()
            found = group.get_command(click.Context(group), word)
            if found is None:
                assert command is not main, f"{document.name}: wearable-cds {words}"
                break
            command = found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_setting_named_exists(document: Path) -> None:
    named = set(re.findall(PREFIX + r"([A-Z_]+[A-Z])", document.read_text("utf-8")))
    unknown = {name.removesuffix("_FILE").lower() for name in named} - SETTINGS - {"tenants"}
    assert unknown <= {"shared"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_within_the_project_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text("utf-8")):
        assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_tenants_file_of_the_integrators_guide_is_accepted(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "integrator.md").read_text("utf-8")
    file = tmp_path / "tenants.toml"
    file.write_text(text.split("```toml\n")[1].split("```")[0], "utf-8")
    made = CliRunner().invoke(main, ["keys", "new", "--id", "2026"])
    keys = tmp_path / "our-keys.json"
    keys.write_text(made.stdout, "utf-8")
    keys.chmod(stat.S_IRUSR | stat.S_IWUSR)
    tenants, problems = read_tenants(file, development=False)
    assert problems == ()
    assert [tenant.id for tenant in tenants] == ["general-hospital"]


def test_every_service_stands_in_the_readme_and_in_the_clinicians_guide() -> None:
    for document in (ROOT / "README.md", ROOT / "docs" / "clinician.md"):
        text = document.read_text("utf-8")
        assert [service.id for service in SERVICES if f"`{service.id}`" not in text] == []
