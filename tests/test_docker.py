"""The image and its settings, which cannot be built here: parsed, and held against common lint rules."""

import runpy
from pathlib import Path

import pytest
import yaml
from gunicorn.config import Config

from cds_service.whole_request_worker import WholeRequestWorker

FOLDER = Path(__file__).resolve().parent.parent / "docker"


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """Instruction and argument of every line of the Dockerfile, continuations joined."""
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    return [(word.upper(), rest) for word, rest in lines]


def test_base_images_are_pinned_to_a_version_and_not_latest(instructions: list[tuple[str, str]]) -> None:
    images = [rest.split()[0] for word, rest in instructions if word == "FROM"]
    assert images and all(":" in image and not image.endswith(":latest") for image in images)


def test_the_image_does_not_run_as_root(instructions: list[tuple[str, str]]) -> None:
    assert [rest for word, rest in instructions if word == "USER"][-1] not in ("0", "root")


def test_the_image_adds_nothing_from_addresses_and_uses_exec_forms(
    instructions: list[tuple[str, str]],
) -> None:
    words = [word for word, _ in instructions]
    assert "ADD" not in words and "MAINTAINER" not in words
    assert all(rest.startswith("[") for word, rest in instructions if word in ("CMD", "ENTRYPOINT"))


def test_copied_paths_exist(instructions: list[tuple[str, str]]) -> None:
    for word, rest in instructions:
        if word == "COPY" and not rest.startswith("--from"):
            assert all((FOLDER.parent / source).exists() for source in rest.split()[:-1]), rest


def test_the_compose_file_keeps_the_service_read_only_and_on_loopback() -> None:
    service = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))["services"]["cds"]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert all(str(port).startswith("127.0.0.1:") for port in service["ports"])


def test_gunicorn_knows_every_setting_we_give_it() -> None:
    known = Config().settings
    given = runpy.run_path(str(FOLDER / "gunicorn.conf.py"))
    imported = ("os", "gunicorn_options", "prepare")
    ours = {name for name in given if not name.startswith("_") and name not in imported}
    assert ours and ours <= set(known)
    assert given["control_socket_disable"] is True and given["worker_class"] is WholeRequestWorker
