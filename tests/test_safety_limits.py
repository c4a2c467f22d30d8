"""Without a signed limits file within the outer bounds nothing is dosed."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from cds_service.cli import main
from models.dosing import safety_limits
from models.dosing.limits import WeeklyStep
from models.dosing.safety_limits import UnusableLimits, digest, load_limits, packaged_limits

PACKAGED = Path(safety_limits.__file__).with_name("safety_limits.yaml").read_text("utf-8")


def signed(**changes: object) -> str:
    """The packaged file with some limits changed and signed again."""
    file = yaml.safe_load(PACKAGED)
    file["limits"] |= changes
    file["signed"]["sha256"] = digest({name: file[name] for name in file if name != "signed"})
    return yaml.safe_dump(file)


@pytest.mark.spec("H-01")
def test_H01_the_packaged_limits_are_signed_and_say_who_when_and_from_where():
    limits = packaged_limits()
    assert (limits.id, limits.version) == ("basal-insulin-limits", "1.0.0")
    assert limits.owner and limits.source and limits.signed_by and limits.signed_role
    assert limits.basal.weekly_step is None
    assert (limits.basal.start_units, limits.basal.start_units_per_kg) == (10, 0.2)
    assert (limits.basal.step_units, limits.basal.step_fraction, limits.basal.interval_days) == (2, 0.1, 3)


def test_H01_a_tenant_may_sign_a_weekly_step():
    limits = load_limits(signed(weekly_step={"units": 8, "fraction": 0.2, "interval_days": 7}))
    assert limits.basal.weekly_step == WeeklyStep(8, 0.2, 7)


@pytest.mark.spec("H-01")
@pytest.mark.parametrize(
    "changes",
    [
        {"start_units": 10.1},
        {"start_units_per_kg": 0.21},
        {"step_units": 3},
        {"step_fraction": 0.11},
        {"interval_days": 2.9},
        {"ceiling_units_per_kg": 0.51},
        {"step_units": float("nan")},
        {"step_units": "2"},
        {"step_units": True},
        {"surprise": 1},
        {"weekly_step": {"units": 9, "fraction": 0.2, "interval_days": 7}},
        {"weekly_step": {"units": 8, "fraction": 0.21, "interval_days": 7}},
        {"weekly_step": {"units": 8, "fraction": 0.2, "interval_days": 6}},
        {"weekly_step": {"units": 8}},
    ],
)
def test_H01_no_signature_allows_more_than_the_outer_bounds(changes):
    with pytest.raises(UnusableLimits):
        load_limits(signed(**changes))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("step_units: 2", "step_units: 1"),
        ("owner: Wearable", "owner: Another"),
        ('version: "1.0.0"', 'version: "1.0.1"'),
    ],
)
def test_H01_a_file_changed_after_signing_is_refused(old, new):
    assert old in PACKAGED
    with pytest.raises(UnusableLimits, match="after they were signed"):
        load_limits(PACKAGED.replace(old, new))


@pytest.mark.parametrize("text", ["", "[]", "limits: [", "signed: {}", PACKAGED.split("signed:")[0]])
def test_H01_a_file_that_is_empty_broken_or_unsigned_is_refused(text):
    with pytest.raises(UnusableLimits):
        load_limits(text)


@pytest.mark.parametrize(
    ("old", "new"), [("by: Wearable CDS maintainers", "by: ''"), ("  date: 2026-11-21", "  date: soon")]
)
def test_H01_a_signature_names_a_signer_and_a_day(old, new):
    head, _, tail = PACKAGED.partition("signed:")
    with pytest.raises(UnusableLimits):
        load_limits(head + "signed:" + tail.replace(old, new))


def test_H01_missing_limits_are_told_apart_from_a_crash(monkeypatch, tmp_path):
    monkeypatch.setattr(safety_limits, "files", lambda package: tmp_path)
    with pytest.raises(UnusableLimits, match="missing"):
        packaged_limits.__wrapped__()


class TestCommands:
    """An organisation checks and signs its own file."""

    def run(self, *arguments: str):
        return CliRunner().invoke(main, ["limits", *arguments])

    def test_a_file_signed_with_the_digest_of_the_command_is_usable(self, tmp_path):
        file = tmp_path / "limits.yaml"
        changed = PACKAGED.replace("step_units: 2", "step_units: 1")
        file.write_text(changed, "utf-8")
        assert self.run("check", str(file)).exit_code == 2
        answer = self.run("digest", str(file))
        old = yaml.safe_load(PACKAGED)["signed"]["sha256"]
        file.write_text(changed.replace(old, json.loads(answer.stdout)["sha256"]), "utf-8")
        checked = self.run("check", str(file))
        assert checked.exit_code == 0, checked.stderr
        assert json.loads(checked.stdout)["basal"]["step_units"] == 1

    @pytest.mark.parametrize("command", ["check", "digest"])
    def test_what_is_no_limits_file_is_refused_in_a_sentence(self, tmp_path, command):
        file = tmp_path / "limits.yaml"
        file.write_text("limits: [", "utf-8")
        refused = self.run(command, str(file))
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert "cannot be read" in refused.stderr
