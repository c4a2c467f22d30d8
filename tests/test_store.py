"""The store over a real database file: durable, idempotent, one tenant's rows never another's."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, event, inspect, text

from cds_service.store.database import connect, forgetful, newest_step, open_database
from cds_service.store.feedback import MAX_COMMENT, Feedback, FeedbackItem, GivenCard
from cds_service.store.file_systems import OnNetwork, refuse_network
from cds_service.store.migration import SchemaTooNew, migrate
from cds_service.store.replay import AllUsedTokens, SqlUsedTokens
from cds_service.store.schema import FEEDBACK, METADATA, USED_TOKEN
from hooks.errors import Unavailable

pytest_plugins = ["databases"]

KEY = b"k" * 44
CARD = GivenCard("11111111-1111-1111-1111-111111111111", "glucose-review", "instance", 1_000)
ITEM = FeedbackItem(
    CARD.uuid, "overridden", 2_000, reason_code="other", user_comment="seen at home: Ann Onymous"
)


@pytest.fixture
def feedback(engine: Engine) -> Feedback:
    feedback = Feedback(engine, KEY)
    feedback.give("north", [CARD])
    return feedback


def test_migrations_lead_to_exactly_the_tables_that_the_code_uses(engine: Engine) -> None:
    with engine.connect() as connection:
        migrations = MigrationContext.configure(connection)
        assert compare_metadata(migrations, METADATA) == []
        assert migrations.get_current_revision() == newest_step()


def test_migrations_go_back_to_an_empty_database_and_forward_again(engine: Engine) -> None:
    migrate(engine, "base")
    assert set(inspect(engine).get_table_names()) == {"alembic_version"}
    migrate(engine)
    assert set(METADATA.tables) < set(inspect(engine).get_table_names())


def test_a_database_of_a_later_version_is_refused_and_left_alone(engine: Engine, database_url: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(SchemaTooNew):
        open_database(database_url)
    with engine.begin() as connection:
        assert connection.scalar(text("select version_num from alembic_version")) == "9999"


def test_several_processes_may_start_on_an_empty_database_at_once(database_url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        engines = list(pool.map(lambda _: open_database(database_url), range(8)))
    for engine in engines:
        with engine.connect() as connection:
            assert connection.scalar(text("select version_num from alembic_version"))
        engine.dispose()


@pytest.mark.spec("F-22")
def test_F22_sqlite_writes_ahead_and_syncs_fully(sqlite_engine: Engine) -> None:
    with sqlite_engine.connect() as connection:
        assert connection.scalar(text("pragma journal_mode")) == "wal"
        assert connection.scalar(text("pragma synchronous")) == 2


@pytest.mark.spec("FB7")
def test_FB7_a_repeat_is_counted_once_and_a_change_of_mind_is_kept(feedback: Feedback) -> None:
    changed = FeedbackItem(CARD.uuid, "accepted", 3_000, accepted_suggestions=("s1",))
    assert feedback.record("north", "glucose-review", [ITEM, ITEM], 5_000).stored == 1
    counts = feedback.record("north", "glucose-review", [ITEM, changed], 6_000)
    assert (counts.stored, counts.repeated, counts.unmatched) == (1, 1, 0)
    assert feedback.history("north", CARD.uuid) == (ITEM, changed)


@pytest.mark.spec("FB8", "FB12", "E-02")
@pytest.mark.parametrize(
    ("tenant", "service", "card"),
    [
        ("south", "glucose-review", CARD.uuid),
        ("north", "insulin-adjustment", CARD.uuid),
        ("north", "glucose-review", "22222222-2222-2222-2222-222222222222"),
    ],
)
def test_FB8_E02_feedback_on_a_foreign_or_unknown_card_is_stored_as_unmatched(
    feedback: Feedback, tenant: str, service: str, card: str
) -> None:
    item = replace(ITEM, card=card)
    counts = feedback.record(tenant, service, [item], 5_000)
    assert (counts.stored, counts.unmatched) == (1, 1)
    assert feedback.history(tenant, card) == (item,)


@pytest.mark.spec("E-01")
def test_E01_one_tenant_does_not_read_the_feedback_of_another(feedback: Feedback) -> None:
    feedback.record("north", "glucose-review", [ITEM], 5_000)
    assert feedback.history("south", CARD.uuid) == ()


@pytest.mark.spec("FB4", "FB5")
@pytest.mark.parametrize(
    "item",
    [
        FeedbackItem(CARD.uuid, "overridden", 2_000),
        FeedbackItem(CARD.uuid, "overridden", 2_000, reason_code="made-by-client", reason_system="urn:x"),
        FeedbackItem(CARD.uuid, "overridden", 2_000, user_comment="only words"),
    ],
)
def test_FB4_FB5_an_override_is_kept_with_whatever_reason_it_had(
    feedback: Feedback, item: FeedbackItem
) -> None:
    feedback.record("north", "glucose-review", [item], 5_000)
    assert feedback.history("north", CARD.uuid) == (item,)


@pytest.mark.spec("FB11")
def test_FB11_a_comment_is_unreadable_in_the_database_files_and_capped(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    feedback = Feedback(sqlite_engine, KEY)
    feedback.record("north", "glucose-review", [ITEM, replace(ITEM, user_comment="x" * 9_999)], 5_000)
    on_disk = b"".join(path.read_bytes() for path in (tmp_path / "sqlite").iterdir())
    assert b"Ann Onymous" not in on_disk
    assert CARD.uuid.encode() in on_disk
    assert max(len(item.user_comment or "") for item in feedback.history("north", CARD.uuid)) == MAX_COMMENT


@pytest.mark.spec("F-29")
def test_F29_feedback_may_arrive_before_its_card(engine: Engine) -> None:
    feedback = Feedback(engine, KEY)
    assert feedback.record("north", "glucose-review", [ITEM], 5_000).unmatched == 1
    feedback.give("north", [CARD])
    assert feedback.record("north", "glucose-review", [ITEM], 6_000).unmatched == 0


@pytest.mark.spec("F-21")
def test_F21_a_full_disk_gives_503_and_loses_nothing_that_was_acknowledged(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "sqlite" / "store.db")) as raw:
        pages = raw.execute("pragma page_count").fetchone()[0]
    limited = connect(f"sqlite:///{tmp_path / 'sqlite' / 'store.db'}")
    event.listen(limited, "connect", lambda c, _: c.execute(f"pragma max_page_count = {pages + 4}"))
    acknowledged = 0
    with pytest.raises(Unavailable):
        for n in range(10_000):
            Feedback(limited, KEY).record("north", "glucose-review", [replace(ITEM, outcome_ms=n)], 5_000)
            acknowledged += 1
    limited.dispose()
    assert 0 < acknowledged == len(Feedback(sqlite_engine, KEY).history("north", CARD.uuid))


@pytest.mark.spec("A-16", "JW11")
def test_A16_of_eight_racing_copies_of_each_token_exactly_one_is_first(engine: Engine) -> None:
    used = SqlUsedTokens(engine)
    with ThreadPoolExecutor(8) as pool:
        firsts = pool.map(lambda n: used.first_use("iss", f"token-{n % 50}", 10_000, 0), range(400))
    assert sum(firsts) == 50


@pytest.mark.spec("JW10", "A-16")
def test_JW10_a_token_is_remembered_per_issuer_and_over_a_restart(engine: Engine, database_url: str) -> None:
    assert SqlUsedTokens(engine).first_use("iss", "token", 10_000, 0)
    reopened = open_database(database_url)
    again = SqlUsedTokens(reopened)
    assert not again.first_use("iss", "token", 10_000, 9_999)
    assert again.first_use("other", "token", 10_000, 0)
    reopened.dispose()


@given(st.lists(st.text(), min_size=2, max_size=2, unique=True), st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_the_hash_of_a_token_tells_issuer_and_id_apart(parts: list[str], tail: str) -> None:
    from cds_service.store.replay import token_hash

    issuer, token_id = parts
    assert token_hash(issuer, token_id + tail) != token_hash(token_id, issuer + tail)


class _Down:
    def first_use(self, issuer: str, token_id: str, until_ms: int, now_ms: int) -> bool:
        raise Unavailable(reason="replay.down")


def test_a_token_seen_by_any_place_is_refused_even_if_the_other_place_failed_meanwhile(
    engine: Engine,
) -> None:
    sql = SqlUsedTokens(engine)
    assert AllUsedTokens([_Down(), sql]).first_use("iss", "token", 10_000, 0)
    assert not AllUsedTokens([sql, _Down()]).first_use("iss", "token", 10_000, 0)


@pytest.mark.spec("F-19")
def test_F19_a_place_that_forgot_does_not_let_a_used_token_in(engine: Engine, sqlite_engine: Engine) -> None:
    remembering, forgetful = SqlUsedTokens(engine), SqlUsedTokens(sqlite_engine)
    both = AllUsedTokens([forgetful, remembering])
    assert both.first_use("iss", "token", 10_000, 0)
    with sqlite_engine.begin() as connection:
        connection.execute(delete(USED_TOKEN))
    assert not both.first_use("iss", "token", 10_000, 1)


def test_without_any_place_that_answers_nobody_gets_in() -> None:
    with pytest.raises(Unavailable):
        AllUsedTokens([_Down(), _Down()]).first_use("iss", "token", 10_000, 0)


@pytest.mark.spec("F-27")
def test_F27_many_writers_at_once_wait_for_each_other_and_all_succeed(engine: Engine) -> None:
    feedback = Feedback(engine, KEY)

    def write(n: int) -> int:
        return feedback.record("north", "glucose-review", [replace(ITEM, outcome_ms=n)], 5_000).stored

    with ThreadPoolExecutor(8) as pool:  # a busy disk must not make the last one wait out its patience
        assert sum(pool.map(write, range(64))) == 64


MOUNTS = """/dev/sda1 / ext4 rw 0 0
server:/home /srv/shared nfs4 rw 0 0
/dev/sdb1 /srv/shared/local ext4 rw 0 0
//nas/data /srv/with\\040space cifs rw 0 0
"""


@pytest.mark.spec("F-27")
@pytest.mark.parametrize("file", ["/srv/shared/cds.sqlite", "/srv/with space/cds.sqlite"])
def test_F27_a_database_on_a_network_file_system_is_refused(file: str) -> None:
    with pytest.raises(OnNetwork, match="PostgreSQL"):
        refuse_network(Path(file), MOUNTS)


@pytest.mark.spec("F-27")
@pytest.mark.parametrize(
    "file", ["/var/cds.sqlite", "/srv/shared/local/cds.sqlite", "/srv/sharedelse/cds.sqlite"]
)
def test_F27_a_database_on_a_local_disk_is_taken(file: str) -> None:
    refuse_network(Path(file), MOUNTS)


@pytest.mark.spec("A-16", "F-22")
def test_F22_only_used_tokens_are_committed_without_a_sync(sqlite_engine: Engine) -> None:
    levels = []
    for engine in (forgetful(sqlite_engine), sqlite_engine):
        with engine.connect() as connection:
            levels.append(connection.scalar(text("pragma synchronous")))
        engine.dispose()
    assert levels == [1, 2]


def test_rows_of_an_older_secret_key_are_read_and_new_ones_are_written_with_the_new(engine: Engine) -> None:
    old, new = b"o" * 44, b"n" * 44
    Feedback(engine, old).record("north", "glucose-review", [ITEM], 5_000)
    rotated = Feedback(engine, new + b"," + old)
    rotated.record("north", "glucose-review", [replace(ITEM, outcome_ms=9_000)], 9_000)
    assert [item.user_comment for item in rotated.history("north", CARD.uuid)] == [ITEM.user_comment] * 2
    with engine.begin() as connection:
        connection.execute(delete(FEEDBACK).where(FEEDBACK.c.outcome_ms == ITEM.outcome_ms))
    assert Feedback(engine, new).history("north", CARD.uuid)[0].user_comment == ITEM.user_comment


@pytest.mark.spec("F-27")
def test_F27_a_writer_that_does_not_let_go_gives_503_to_the_others(sqlite_engine: Engine) -> None:
    event.listen(sqlite_engine, "connect", lambda c, _: c.execute("pragma busy_timeout = 20"))
    feedback = Feedback(sqlite_engine, KEY)
    with sqlite_engine.begin() as holder:
        holder.execute(delete(USED_TOKEN))
        with pytest.raises(Unavailable):
            feedback.record("north", "glucose-review", [ITEM], 5_000)
    assert feedback.record("north", "glucose-review", [ITEM], 5_000).stored == 1


@pytest.mark.spec("F-20")
def test_F20_a_database_that_is_gone_gives_503(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        SqlUsedTokens(connect(f"sqlite:///{tmp_path}/absent/store.db")).first_use("iss", "token", 10_000, 0)
