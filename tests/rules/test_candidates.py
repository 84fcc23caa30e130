"""firestore.rules: batches of ICE candidates (SPEC 3.2)."""

import pytest

from tests.rules.attempts import Attempt, beside, check, granted
from tests.rules.calls import (
    ALICE,
    BOB,
    EVE,
    LIVE,
    SESSION,
    SIDES,
    Session,
    answered,
    connected,
    ended,
    hangup,
    offer,
    offered,
    pending,
)
from tests.support.documents import ABSENT, SERVER_TIME, Documents, ago, ahead

ROWS = 20
LINE = "candidate:1 1 udp 2122260223 192.0.2.1 54400 typ host"


def candidate(**more: object) -> Session:
    return {"candidate": LINE, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "abcd"} | more


def batch(side: str = "caller", revision: int = 1, rows: int = 1, **more: object) -> Session:
    listed = [candidate() for _ in range(rows)]
    return {"sender": side, "revision": revision, "candidates": listed, "created_at": SERVER_TIME} | more


def path(side: str = "caller", revision: object = 1, number: object = 0) -> str:
    return f"{SESSION}/ice_candidates/{side}-{revision}-{number}"


SENT = {by: Attempt("create", path(side), by, batch(side), session=offered()) for by, side in SIDES.items()}
BATCH = SENT[ALICE]
FULL = BATCH.but("write/candidates", [candidate() for _ in range(ROWS)])
SECOND = Attempt("create", path(revision=2), ALICE, batch(revision=2), session=connected(offer=offer(2, "callee")))


@pytest.mark.parametrize("by", [ALICE, BOB])
@pytest.mark.parametrize("session", [pending(offer=offer()), offered(), answered(), connected()])
def test_each_side_sends_while_the_call_lives(documents: Documents, by: str, session: Session) -> None:
    alive = SENT[by].but("session", session)

    check(documents, alive.but("session/status", "ended"), alive)
    check(documents, alive.but("session/hangup", hangup(at=ago(seconds=1))), alive)


@pytest.mark.parametrize("by", [None, EVE, "other side"])
@pytest.mark.parametrize("sender", [ALICE, BOB])
def test_a_side_sends_in_its_own_name(documents: Documents, sender: str, by: str) -> None:
    other_side = ALICE if sender == BOB else BOB

    check(documents, SENT[sender].but("by", other_side if by == "other side" else by), SENT[sender])


@beside(BATCH, {"session": [None, pending()]})
def test_candidates_belong_to_an_offer(documents: Documents, refused: Attempt, allowed: Attempt) -> None:
    check(documents, refused, allowed)


@granted(
    full=FULL,
    full_from_the_callee=SENT[BOB].but("write/candidates", [candidate() for _ in range(ROWS)]),
    last=BATCH.but("path", path(number=49)),
    ninth=BATCH.but("path", path(number=9)),
    tenth=BATCH.but("path", path(number=10)),
    second_revision=SECOND,
    of_an_older_revision=BATCH.but("session", connected(offer=offer(2))),
    tenth_revision=SECOND.but("session/offer/revision", 10).but("write/revision", 10).but("path", path(revision=10)),
    expiring=BATCH.but("write/expires_at", ahead(hours=24)),
    end_of_candidates=BATCH.but("write/candidates/0/candidate", ""),
    end_of_all_candidates=BATCH.but(
        "write/candidates", [{"candidate": "", "sdpMid": None, "sdpMLineIndex": None, "usernameFragment": None}]
    ),
    longest=BATCH.but("write/candidates/0/candidate", "c" * 1024),
    longest_in_bytes=BATCH.but("write/candidates/0/candidate", "\N{GREEK SMALL LETTER ALPHA}" * 512),
    longest_names=BATCH.but("write/candidates/0", candidate(sdpMid="m" * 256, usernameFragment="u" * 256)),
    empty_name=FULL.but("write/candidates/0/sdpMid", "").but("write/candidates/19/sdpMid", ""),
    name_of_nothing=BATCH.but("write/candidates/0/sdpMid", "null"),
)
def test_a_batch_has_up_to_20_candidates_as_browsers_make_them(documents: Documents, attempt: Attempt) -> None:
    assert attempt.is_allowed(documents)


@beside(
    BATCH,
    {
        "path": [
            *(path(number=each) for each in (50, 60, 99, 100, -1, "", "00", "01", "1.0", "a", "1-1", "49 ")),
            *(path(revision=each) for each in (0, 2, "", "01", "1.0", -1)),
            path("callee"),
            f"{SESSION}/ice_candidates/acaller-1-0",
            f"{SESSION}/ice_candidates/{'a' * 1500}",
        ],
        "write/sender": ["callee", "Caller", "", None, 1, ABSENT],
        "write/revision": [0, 2, 1.0, "1", None, ABSENT],
    },
)
def test_an_id_tells_sender_revision_and_a_number_below_50(
    documents: Documents, refused: Attempt, allowed: Attempt
) -> None:
    check(documents, refused, allowed)


@pytest.mark.parametrize("revision", [0, -1, 1.0, 3])
@pytest.mark.parametrize("written", ["{}", "{:.0f}"])
def test_a_revision_is_at_least_1_and_at_most_that_of_the_offer(
    documents: Documents, revision: float, written: str
) -> None:
    stray = SECOND.but("write/revision", revision).but("path", path(revision=written.format(revision)))

    check(documents, stray, SECOND)


@beside(
    BATCH,
    {
        "write/created_at": [ago(seconds=1), ahead(seconds=1), None, 0, ABSENT],
        "write/expires_at": [ahead(hours=24, minutes=30), ahead(days=365), None, 0, "tomorrow"],
        "write/candidates": [None, LINE, candidate(), [], ABSENT],
        "write/other": [1],
    },
)
def test_a_batch_is_of_now_and_expires_within_a_day(documents: Documents, refused: Attempt, allowed: Attempt) -> None:
    check(documents, refused, allowed)


def test_a_batch_has_no_more_than_20_candidates(documents: Documents) -> None:
    check(documents, FULL.but("write/candidates", [candidate() for _ in range(ROWS + 1)]), FULL)


@pytest.mark.parametrize(
    "defect",
    [{"candidate": "c" * 1025}, {"sdpMid": "m" * 257}, {"usernameFragment": 1}, {"sdpMLineIndex": 32}, {"other": 1}],
    ids=str,
)
def test_a_batch_has_no_candidate_of_another_form(documents: Documents, defect: Session) -> None:
    """In full: test_candidate_rows.py."""
    check(documents, BATCH.but("write/candidates", [candidate(**defect)]), BATCH)


BARE = {"candidate": "", "sdpMid": None, "sdpMLineIndex": None}
TOO_LONG = BARE | {"candidate": "c" * 1025}


@pytest.mark.parametrize("row", range(ROWS))
def test_no_candidate_of_a_batch_is_over_a_kibibyte(documents: Documents, row: int) -> None:
    full = BATCH.but("write/candidates", [BARE for _ in range(ROWS)])

    check(documents, full.but(f"write/candidates/{row}", TOO_LONG), full)


@pytest.mark.parametrize("rows", range(1, ROWS + 1))
def test_however_many_candidates_a_batch_has_the_last_is_looked_at(documents: Documents, rows: int) -> None:
    so_many = BATCH.but("write/candidates", [BARE for _ in range(rows)])

    check(documents, so_many.but(f"write/candidates/{rows - 1}", TOO_LONG), so_many)


@pytest.mark.parametrize("by", [ALICE, BOB, EVE, None])
@pytest.mark.parametrize("operation", ["update", "put", "delete"])
def test_a_batch_never_changes(documents: Documents, operation: str, by: str | None) -> None:
    batches = Attempt(operation, path(), by, batch(), stored=batch(created_at=ago(seconds=1)), session=offered())

    assert not batches.is_allowed(documents)
    assert batches.but("by", "owner").is_allowed(documents)


@pytest.mark.parametrize("by", [ALICE, BOB])
@pytest.mark.parametrize("session", [*LIVE.values(), ended()], ids=[*LIVE, "ended"])
def test_the_two_of_a_call_read_its_candidates(documents: Documents, session: Session, by: str) -> None:
    batches = Attempt("get", path(), by, stored=batch(created_at=ago(seconds=1)), session=session)
    search = {"from": [{"collectionId": "ice_candidates"}]}

    assert batches.is_allowed(documents)
    assert documents.query(search, by, f"/{SESSION}")
    for nobody in (EVE, None):
        assert not documents.get(path(), nobody)
        assert not documents.query(search, nobody, f"/{SESSION}")
    assert not documents.query({"from": [{"collectionId": "ice_candidates", "allDescendants": True}]}, by)


def test_nothing_is_read_below_a_session_that_is_gone(documents: Documents) -> None:
    left_behind = Attempt("get", path(), ALICE, stored=batch(created_at=ago(seconds=1)), session=offered())

    check(documents, left_behind.but("session", None), left_behind)
