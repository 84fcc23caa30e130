"""edge/store.py against Firestore itself, in this process: what races, what pages, what is looked at again.

The functions hear of nothing here: the wire is cut, so that nobody else settles what a test has put there.
"""

import importlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from google.api_core.exceptions import FailedPrecondition
from google.cloud import firestore

from tests.support.backend import HISTORY, Backend
from tests.support.calls import OFFER, Call, ago, answer, connected, dialled, ended, hangup, offer
from webrtc_lite import service
from webrtc_lite.core.allowance import Ringing
from webrtc_lite.core.deadlines import Durations
from webrtc_lite.core.machine import Status
from webrtc_lite.core.records import Session
from webrtc_lite.core.session import Change, settle
from webrtc_lite.edge import logs, store

USUAL = Durations()


def now() -> datetime:
    return datetime.now(UTC)


def as_it_should(session: Session, others: Sequence[Session], ringing: Ringing | None) -> Change | None:
    return settle(session, others, now(), USUAL, ringing)


@pytest.fixture
def quietly(backend: Backend) -> Iterator[Backend]:
    with backend.wire.losing():
        yield backend


@pytest.fixture
def sessions(quietly: Backend) -> store.Sessions:
    return store.Sessions(quietly.client)


def seen(call: Call) -> store.Snapshot:
    return store.Snapshot.of(call.document.get())


def at_once[T](times: int, act: Callable[[], T]) -> list[T]:
    barrier = Barrier(times)

    def wait_and_act(_: int) -> T:
        barrier.wait()
        return act()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(wait_and_act, range(times)))


# --- settle


def test_what_is_written_is_what_differs(quietly: Backend, sessions: store.Sessions) -> None:
    call = Call.new(quietly, dialled())
    before = call.now()
    change = sessions.settle(seen(call), as_it_should)
    after = call.now()

    assert change is not None
    assert {name for name in after if after[name] != before.get(name)} == change.names
    assert store.Snapshot.of(call.document.get()).session() == change.after


def test_an_event_is_written_on_without_a_read(
    quietly: Backend, sessions: store.Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the precondition did not fit what an event carries, every event would cost a read, and nobody would notice."""
    for name, value in quietly.environment.items():
        monkeypatch.setenv(name, value)
    main = importlib.import_module("main")
    monkeypatch.setattr(store, "sessions", lambda: sessions)
    monkeypatch.setattr(sessions, "_read", lambda _: pytest.fail("a read"))
    call = Call.new(quietly, dialled())
    quietly.quiet()
    (delivery,) = call.deliveries
    main.on_session_written(delivery.as_event())

    assert call.now()["status"] == "offered"


def test_a_settled_session_settles_to_nothing(quietly: Backend, sessions: store.Sessions) -> None:
    call = Call.new(quietly, dialled())
    sessions.settle(seen(call), as_it_should)
    settled = seen(call)

    assert sessions.settle(settled, as_it_should) is None
    assert seen(call).update_time == settled.update_time


def reoffered(sdp: str) -> dict[str, Any]:
    return {"offer": offer(sdp, revision=2)}


FEWER = OFFER[: OFFER.index("m=video")].replace("BUNDLE 0 1", "BUNDLE 0")


def answered(backend: Backend, sessions: store.Sessions) -> Call:
    call = Call.new(backend, dialled())
    sessions.settle(seen(call), as_it_should)
    call.answer()
    sessions.settle(seen(call), as_it_should)
    return call


def test_an_offer_is_held_against_what_was_agreed_before_which_is_kept_beside_the_session(
    quietly: Backend, sessions: store.Sessions
) -> None:
    call = answered(quietly, sessions)
    call.document.update(reoffered(FEWER))
    sessions.settle(seen(call), as_it_should)

    assert call.now()["error"]["code"] == "sdp_section_removed"
    assert call.now()["accepted"] == {"offer": 1, "answer": 1}
    assert sessions.settle(seen(call), as_it_should) is None


def test_what_was_agreed_is_read_where_a_re_offer_waits_and_nowhere_else(
    quietly: Backend, sessions: store.Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = answered(quietly, sessions)
    read: list[str] = []
    agreed = sessions._agreed

    def noted(session_id: str) -> firestore.DocumentReference:
        read.append(session_id)
        return agreed(session_id)

    monkeypatch.setattr(sessions, "_agreed", noted)
    call.report("caller")
    sessions.settle(seen(call), as_it_should)
    assert read == []
    call.document.update(reoffered(OFFER))
    sessions.settle(seen(call), as_it_should)
    assert read == [call.id]
    assert call.now()["accepted"] == {"offer": 2, "answer": 1}


def test_a_re_offer_is_judged_by_itself_where_nothing_tells_what_was_agreed(
    quietly: Backend, sessions: store.Sessions
) -> None:
    call = Call.new(quietly, connected())  # as an older version has left it
    call.document.update(reoffered(FEWER))
    sessions.settle(seen(call), as_it_should)

    assert call.now()["accepted"] == {"offer": 2, "answer": 1}


def test_what_was_agreed_goes_with_its_session(quietly: Backend, sessions: store.Sessions) -> None:
    call = answered(quietly, sessions)
    call.document.update({"status": "ended", "expires_at": ago(1)})

    assert sessions.purge(seen(call)) == 2
    assert list(call.document.collections()) == []


def test_who_is_overtaken_looks_again(quietly: Backend, sessions: store.Sessions) -> None:
    call = Call.new(quietly, dialled())
    old = seen(call)
    call.hang_up("caller", "cancel")
    change = sessions.settle(old, as_it_should)

    assert change is not None
    assert (change.before.hangup is not None, change.after.status) == (True, Status.ENDED)


def test_who_is_overtaken_every_time_gives_up_after_some_tries(quietly: Backend, sessions: store.Sessions) -> None:
    call = Call.new(quietly, connected(hangup=hangup("caller")))
    tries = 0

    def overtaken(session: Session, others: Sequence[Session], ringing: Ringing | None) -> Change | None:
        nonlocal tries
        tries += 1
        call.document.update({"caller_device_id": f"phone {tries}"})
        return as_it_should(session, others, ringing)

    with pytest.raises(FailedPrecondition):
        sessions.settle(seen(call), overtaken)
    assert tries == store.TRIES
    assert call.now()["status"] == "connected"


def test_a_session_that_is_gone_is_nothing(quietly: Backend, sessions: store.Sessions) -> None:
    call = Call.new(quietly, dialled())
    old = seen(call)
    call.document.delete()

    assert sessions.settle(old, as_it_should) is None
    assert not call.document.get().exists


@pytest.mark.parametrize("round_", range(5))
def test_many_at_once_end_a_call_once_with_one_record(quietly: Backend, sessions: store.Sessions, round_: int) -> None:
    call = Call.new(quietly, dialled(hangup=hangup("caller", "cancel")))
    old = seen(call)
    changes = at_once(8, lambda: sessions.settle(old, as_it_should))
    quietly.quiet()

    assert len([change for change in changes if change]) == 1, round_
    assert (len(call.deliveries), len(call.recordings)) == (2, 1)


def test_a_session_with_a_record_ends_all_the_same_and_keeps_it(quietly: Backend, sessions: store.Sessions) -> None:
    """As after a restored backup. Whatever was in the record stays."""
    call = Call.new(quietly, dialled(hangup=hangup("caller", "cancel")))
    quietly.client.collection(HISTORY).document(call.id).set({"end_reason": "hangup"})
    change = sessions.settle(seen(call), as_it_should)

    assert change is not None
    assert call.now()["status"] == "ended"
    assert call.history == {"end_reason": "hangup"}


def test_a_field_that_a_change_takes_away_is_deleted(quietly: Backend, sessions: store.Sessions) -> None:
    call = Call.new(quietly, connected())

    def without_deadline(session: Session, _others: Sequence[Session], _ringing: Ringing | None) -> Change:
        return Change(session, replace(session, deadline=None), None)

    sessions.settle(seen(call), without_deadline)
    assert "deadline" not in call.now()


def test_a_session_that_cannot_be_read_is_nobodys(quietly: Backend, sessions: store.Sessions) -> None:
    unreadable, readable = Call.new(quietly, dialled(created_at="noon")), Call.new(quietly, dialled())

    assert sessions.read(unreadable.id) is None
    assert sessions.read("no-such-session-at-all") is None
    found = sessions.read(readable.id)
    assert found is not None
    assert found.caller_id == "alice"


def test_an_unreadable_session_that_was_written_to_meanwhile_is_left_to_that_event(
    quietly: Backend, sessions: store.Sessions
) -> None:
    call = Call.new(quietly, dialled(created_at="noon"))
    old = seen(call)
    call.document.update({"created_at": ago(1)})

    problem = sessions.unreadable(("created_at",))
    assert not sessions.end_unreadable(old, problem, now(), USUAL.session_kept)
    assert call.now()["status"] == "pending"


def test_one_client_serves_an_instance(monkeypatch: pytest.MonkeyPatch, quietly: Backend) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", quietly.firestore.http.base_url.netloc.decode())
    monkeypatch.setenv("GCLOUD_PROJECT", quietly.client.project)
    store.sessions.cache_clear()
    call = Call.new(quietly, dialled())

    assert store.sessions() is store.sessions()
    assert store.sessions().read(call.id) is not None
    store.sessions.cache_clear()


# --- who is engaged


def engagement(backend: Backend, uid: str) -> dict[str, Any] | None:
    return backend.client.document(f"engagements/uid:{uid}").get().to_dict()


def test_who_rings_is_engaged_and_so_is_who_is_rung(quietly: Backend, sessions: store.Sessions) -> None:
    call = Call.new(quietly, dialled())
    sessions.settle(seen(call), as_it_should)

    then = call.now()["offered_at"]
    engaged = {"session_id": call.id, "updated_at": then, "expires_at": then + timedelta(days=1)}
    ringing = {"unanswered_s": 0, "at": then, "session_id": call.id}
    assert engagement(quietly, "alice") == engaged | {"ringing": ringing}
    assert engagement(quietly, "bob") == engaged


@pytest.mark.parametrize("side", ["caller_id", "callee_id"])
@pytest.mark.parametrize("uid", [".", "..", "__uid__", "\U0001f4de" * 128])
def test_a_person_may_have_a_uid_that_no_document_can_be_called(
    quietly: Backend, sessions: store.Sessions, uid: str, side: str
) -> None:
    call = Call.new(quietly, dialled(**{side: uid}))
    sessions.settle(seen(call), as_it_should)
    assert call.now()["status"] == "offered"


@pytest.mark.parametrize("rival", [{"caller_id": "carol"}, {"caller_id": "bob", "callee_id": "carol"}])
@pytest.mark.parametrize("known", [True, False], ids=["engaged before", "new to the system"])
def test_a_call_that_came_to_ring_after_the_others_were_looked_for_is_found_all_the_same(
    quietly: Backend, sessions: store.Sessions, rival: dict[str, str], *, known: bool
) -> None:
    if known:
        for uid in ("alice", "bob", "carol"):
            quietly.client.document(f"engagements/uid:{uid}").set({"session_id": "earlier"})
    call, other = Call.new(quietly, dialled()), Call.new(quietly, dialled(**rival))
    met = []

    def overtaken(session: Session, others: Sequence[Session], ringing: Ringing | None) -> Change | None:
        change = as_it_should(session, others, ringing)
        met.append([each.id for each in others if each.status is Status.OFFERED])
        if len(met) == 2:  # alone, then with company
            sessions.settle(seen(other), as_it_should)
        return change

    sessions.settle(seen(call), overtaken)

    assert met == [[], [], [], [other.id]]
    assert (other.now()["status"], call.now()["end_reason"]) == ("offered", "busy")


def test_an_end_that_a_ring_relies_on_is_not_written_over(quietly: Backend, sessions: store.Sessions) -> None:
    """The lease of the other call had run out when it was looked at; then it is renewed, and goes on."""
    other = Call.new(quietly, connected(caller_id="carol", deadline=ago(1), connected_at=ago(901)))
    call = Call.new(quietly, dialled())
    looked = 0

    def renewed(session: Session, others: Sequence[Session], ringing: Ringing | None) -> Change | None:
        nonlocal looked
        looked += 1
        change = as_it_should(session, others, ringing)
        if looked == 2:
            other.document.update({"alive_at": {"caller": ago(0), "callee": ago(0)}})
        return change

    sessions.settle(seen(call), renewed)

    assert (other.now()["status"], call.now()["end_reason"]) == ("connected", "busy")
    assert other.history is None


def test_who_is_superseded_and_has_a_record_keeps_that_one(quietly: Backend, sessions: store.Sessions) -> None:
    old, new = Call.new(quietly, connected()), Call.new(quietly, dialled())
    quietly.client.collection(HISTORY).document(old.id).set({"end_reason": "hangup"})
    sessions.settle(seen(new), as_it_should)

    assert (old.now()["end_reason"], new.now()["status"]) == ("superseded", "offered")
    assert (old.history, new.history) == ({"end_reason": "hangup"}, None)


def test_another_session_that_cannot_be_read_engages_nobody(quietly: Backend, sessions: store.Sessions) -> None:
    Call.new(quietly, connected(created_at="noon"))
    call = Call.new(quietly, dialled())
    sessions.settle(seen(call), as_it_should)

    assert call.now()["status"] == "offered"


def rung_for(backend: Backend, unanswered_s: object, last: str = "a-call-of-long-ago") -> None:
    ringing = {"unanswered_s": unanswered_s, "at": now(), "session_id": last}
    backend.client.document("engagements/uid:alice").set({"ringing": ringing})


def test_who_let_others_ring_for_too_long_makes_nobody_engaged(quietly: Backend, sessions: store.Sessions) -> None:
    rung_for(quietly, 599.0)
    call, other = Call.new(quietly, dialled()), Call.new(quietly, dialled(caller_id="carol"))
    for each in (call, other):
        sessions.settle(seen(each), as_it_should)

    ended_ = call.now()
    assert (ended_["end_reason"], ended_["error"]["code"]) == ("busy", "caller_rung_out")
    assert other.now()["status"] == "offered"


def test_a_call_that_nobody_answered_is_on_the_account_of_the_next(quietly: Backend, sessions: store.Sessions) -> None:
    rung_for(quietly, 100.0)
    missed = Call.new(quietly, dialled())
    sessions.settle(seen(missed), as_it_should)
    missed.document.update({"offered_at": ago(30), "deadline": ago(0)})
    sessions.settle(seen(missed), as_it_should)
    assert missed.now()["end_reason"] == "missed"
    sessions.settle(seen(Call.new(quietly, dialled())), as_it_should)

    read = engagement(quietly, "alice")
    assert read is not None
    assert 129 < read["ringing"]["unanswered_s"] <= 130


@pytest.mark.parametrize("spoilt", ["a lot", -1, True, None, float("nan")])
def test_an_account_that_cannot_be_read_is_none(quietly: Backend, sessions: store.Sessions, spoilt: object) -> None:
    rung_for(quietly, spoilt)
    call = Call.new(quietly, dialled())
    sessions.settle(seen(call), as_it_should)

    assert call.now()["status"] == "offered"


def test_being_called_leaves_the_account_alone(quietly: Backend, sessions: store.Sessions) -> None:
    rung_for(quietly, 100.0)
    sessions.settle(seen(Call.new(quietly, dialled(caller_id="bob", callee_id="alice"))), as_it_should)

    read = engagement(quietly, "alice")
    assert read is not None
    assert read["ringing"]["unanswered_s"] == 100


def test_a_change_that_rings_without_an_account_is_a_defect_of_ours(quietly: Backend, sessions: store.Sessions) -> None:
    def forgetful(session: Session, others: Sequence[Session], ringing: Ringing | None) -> Change | None:
        change = as_it_should(session, others, ringing)
        return change and replace(change, ringing=None)

    with pytest.raises(ValueError, match="account"):
        sessions.settle(seen(Call.new(quietly, dialled())), forgetful)


# --- what a sweep looks at


def found_by(queries: Iterator[Iterator[store.Snapshot]]) -> list[str]:
    return [each.session_id for query in queries for each in query]


DUE: dict[str, dict[str, Any]] = {
    "pending": dialled(),
    "offered": dialled(status="offered", deadline=ago(-3600)),
    "answered": dialled(status="answered", answer=answer(), deadline=ago(-3600)),
    "connected and hung up": connected(hangup=hangup("caller")),
    "connected and hung up by the callee": connected(hangup=hangup("callee", "failed")),
    "connected and overdue": connected(deadline=ago(1)),
}
NOT_DUE = {
    "connected": connected(),
    "ended": ended(),
    "ended and overdue": ended(deadline=ago(1), hangup=hangup("caller")),
}


@pytest.mark.parametrize("document", DUE.values(), ids=DUE)
def test_a_sweep_looks_at(quietly: Backend, sessions: store.Sessions, document: dict[str, Any]) -> None:
    call = Call.new(quietly, document)
    assert found_by(sessions.due(now())) == [call.id]


@pytest.mark.parametrize("document", NOT_DUE.values(), ids=NOT_DUE)
def test_a_sweep_does_not_look_at(quietly: Backend, sessions: store.Sessions, document: dict[str, Any]) -> None:
    Call.new(quietly, document)
    assert found_by(sessions.due(now())) == []


def test_the_longest_overdue_comes_first(quietly: Backend, sessions: store.Sessions) -> None:
    calls = [Call.new(quietly, connected(deadline=ago(seconds))) for seconds in (5, 50, 20)]
    assert found_by(sessions.due(now())) == [calls[1].id, calls[2].id, calls[0].id]


def test_what_time_has_ended_comes_before_what_a_flood_may_have_more_of(
    quietly: Backend, sessions: store.Sessions
) -> None:
    flood = {Call.new(quietly, dialled()).id for _ in range(3)}
    overdue = [Call.new(quietly, dialled(status="offered", deadline=ago(seconds))).id for seconds in (9, 4)]
    due = found_by(sessions.due(now()))

    assert due[:2] == overdue
    assert set(due[2:]) == flood | set(overdue)


@pytest.mark.parametrize("start", ["before all", "at the third", "~ after all"])
def test_wherever_a_sweep_begins_it_finds_everything_once(
    quietly: Backend, sessions: store.Sessions, monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    ids = sorted(Call.new(quietly, dialled()).id for _ in range(4))
    middle = ids[2] if start == "at the third" else start
    monkeypatch.setattr("secrets.token_urlsafe", lambda _: middle)
    found = found_by(sessions.due(now()))

    assert sorted(found) == ids
    assert (found[0] == ids[2]) == (middle == ids[2])


@pytest.mark.parametrize("page", [1, 2, 5, 6])
def test_pages_leave_nothing_out_and_bring_nothing_twice(
    quietly: Backend, sessions: store.Sessions, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(store, "PAGE", page)
    ids = {Call.new(quietly, document).id for document in [dialled(), connected(deadline=ago(1))] for _ in range(5)}
    due = found_by(sessions.due(now()))

    assert (set(due), len(due)) == (ids, 10)


def test_pages_go_on_while_what_they_bring_is_settled(
    quietly: Backend, sessions: store.Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PAGE", 2)
    for _ in range(5):
        Call.new(quietly, dialled(hangup=hangup("caller", "cancel")))
        Call.new(quietly, connected(hangup=hangup("callee")))
    swept = service.sweep(sessions, logs, now, USUAL)

    assert (swept.looked_at, swept.ended, swept.more) == (10, 10, False)


# --- sweeps


def sweeping(sessions: store.Sessions) -> Callable[[], service.Swept]:
    return lambda: service.sweep(sessions, logs, now, USUAL)


ENDS: dict[str, tuple[dict[str, Any], str]] = {
    "no offer": (dialled(created_at=ago(31), offer=None), "expired"),
    "never settled": (dialled(created_at=ago(121)), "expired"),
    "nobody picked up": (dialled(status="offered", deadline=ago(1)), "missed"),
    "never connected": (dialled(status="answered", answer=answer(), deadline=ago(1)), "failed"),
    "lease ran out": (connected(connected_at=ago(1000), deadline=ago(1)), "expired"),
    "hung up unheard": (connected(hangup=hangup("caller")), "hangup"),
    "unreadable": (connected(callee_id=[], deadline=ago(1)), "expired"),
}


@pytest.mark.parametrize(("document", "reason"), ENDS.values(), ids=ENDS)
def test_a_sweep_ends(quietly: Backend, sessions: store.Sessions, document: dict[str, Any], reason: str) -> None:
    call = Call.new(quietly, document)
    swept = sweeping(sessions)()

    assert (swept.ended, swept.failed) == (1, 0)
    assert (call.now()["status"], call.now()["end_reason"]) == ("ended", reason)
    assert sweeping(sessions)() == service.Swept()


def test_an_answer_in_time_counts_even_if_the_sweep_sees_it_first(quietly: Backend, sessions: store.Sessions) -> None:
    call = Call.new(quietly, dialled(status="offered", deadline=ago(1), answer=answer()))
    sweeping(sessions)()

    assert call.now()["status"] == "answered"


def test_an_answer_between_the_query_and_its_end_is_heard(quietly: Backend, sessions: store.Sessions) -> None:
    call = Call.new(quietly, dialled(status="offered", deadline=ago(1)))
    old = seen(call)
    call.answer()
    service.settle_one(sessions, logs, old, now(), USUAL)

    assert call.now()["status"] == "answered"


def test_a_call_that_goes_on_is_not_written_to(quietly: Backend, sessions: store.Sessions) -> None:
    lease = {"alive_at": {"caller": ago(60), "callee": ago(60)}}
    calls = [
        Call.new(quietly, dialled(status="offered", deadline=ago(-3600))),
        Call.new(
            quietly,
            dialled(status="answered", answer=answer(), deadline=ago(-3600), accepted={"offer": 1, "answer": 1}),
        ),
        Call.new(quietly, connected(**lease)),
    ]
    swept = sweeping(sessions)()
    quietly.quiet()

    assert (swept.looked_at, swept.changed) == (2, 0)
    assert [len(call.deliveries) for call in calls] == [1, 1, 1]


def test_two_sweeps_at_once_end_every_call_once(quietly: Backend, sessions: store.Sessions) -> None:
    calls = [Call.new(quietly, dialled(status="offered", deadline=ago(1))) for _ in range(10)]
    one, other = at_once(2, sweeping(sessions))
    quietly.quiet()

    assert one.ended + other.ended == 10
    assert one.failed + other.failed == 0
    assert [(len(call.deliveries), len(call.recordings)) for call in calls] == [(2, 1)] * 10


# --- purges


def purging(sessions: store.Sessions) -> Callable[[], service.Purged]:
    return lambda: service.purge(sessions, logs, now())


def with_candidates(backend: Backend, count: int = 3, **fields: Any) -> Call:  # noqa: ANN401
    call = Call.new(backend, ended(**fields))
    for number in range(count):
        call.trickle(number)
    return call


def test_a_purge_removes_what_is_due_with_everything_below_and_nothing_else(
    quietly: Backend, sessions: store.Sessions
) -> None:
    due = [with_candidates(quietly), with_candidates(quietly, 0)]
    due[1].document.collection("notes").document("never").collection("deep").document("down").set({})
    kept = [
        with_candidates(quietly, expires_at=ago(-5)),
        with_candidates(quietly, expires_at=None),
        with_candidates(quietly, status="connected"),
        with_candidates(quietly, status="connected", expires_at=ago(90_000)),
        with_candidates(quietly, status=7),
    ]
    purged = purging(sessions)()

    assert purged == service.Purged(looked_at=5, sessions=2, documents=2 + 3 + 1, spared=3)
    assert [call.document.get().exists for call in due] == [False, False]
    assert [call.below for call in due] == [0, 0]
    assert not list(due[1].document.collections())
    assert [call.document.get().exists for call in kept] == [True] * 5
    assert [call.below for call in kept] == [3] * 5
    assert purging(sessions)().sessions == 0


def test_a_session_that_nobody_could_read_is_purged_too(quietly: Backend, sessions: store.Sessions) -> None:
    call = with_candidates(quietly, caller_id=7, created_at=None)
    assert purging(sessions)().sessions == 1
    assert (call.document.get().exists, call.below) == (False, 0)


BACK_TO_LIFE = [
    {"status": "connected"},
    {"expires_at": ago(-600)},
    {"hangup": firestore.DELETE_FIELD, "deadline": None},
]


@pytest.mark.parametrize("change", BACK_TO_LIFE, ids=["status", "expires_at", "anything"])
@pytest.mark.parametrize("batch", [2, 400], ids=["in pages", "at once"])
def test_a_session_that_comes_back_to_life_before_its_delete_keeps_everything(
    quietly: Backend, sessions: store.Sessions, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], batch: int
) -> None:
    monkeypatch.setattr(store, "BATCH", batch)
    calls = [with_candidates(quietly, 5, expires_at=ago(seconds)) for seconds in (300, 200, 100)]
    found = sessions.expired(now())
    snapshots = [next(found), next(found), next(found)]
    calls[1].document.update(change)

    assert [sessions.purge(snapshot) for snapshot in snapshots] == [6, None, 6]
    assert [call.document.get().exists for call in calls] == [False, True, False]
    assert [call.below for call in calls] == [0, 5, 0]


def test_a_session_that_comes_back_to_life_while_its_delete_is_under_way_survives(
    quietly: Backend, sessions: store.Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BATCH", 2)
    call = with_candidates(quietly, 5)
    (snapshot,) = sessions.expired(now())
    delete = sessions._delete_below

    def meanwhile(old: store.Snapshot, page: list[firestore.DocumentReference]) -> bool:
        deleted = delete(old, page)
        if deleted:
            call.document.update({"status": "connected"})
        return deleted

    monkeypatch.setattr(sessions, "_delete_below", meanwhile)

    assert sessions.purge(snapshot) is None
    assert call.document.get().exists
    assert call.below == 3  # what was deleted before is gone, and not one more


def test_an_interrupted_purge_is_resumed(
    quietly: Backend, sessions: store.Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BATCH", 2)
    call = with_candidates(quietly, 5)
    delete = sessions._delete_below

    def once(old: store.Snapshot, page: list[firestore.DocumentReference]) -> bool:
        delete(old, page)
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(sessions, "_delete_below", once)
        assert purging(sessions)() == service.Purged(looked_at=1, failed=1)
    assert (call.document.get().exists, call.below) == (True, 3)

    assert purging(sessions)() == service.Purged(looked_at=1, sessions=1, documents=4)
    assert (call.document.get().exists, call.below) == (False, 0)


def test_two_purges_at_once_remove_everything_once(quietly: Backend, sessions: store.Sessions) -> None:
    calls = [with_candidates(quietly, 2) for _ in range(8)]
    one, other = at_once(2, purging(sessions))

    assert one.sessions + other.sessions == 8
    assert one.documents + other.documents == 24
    assert one.failed + other.failed == 0
    assert [(call.document.get().exists, call.below) for call in calls] == [(False, 0)] * 8


def test_a_purge_beside_a_sweep_ends_in_the_same(quietly: Backend, sessions: store.Sessions) -> None:
    due = [with_candidates(quietly, 1) for _ in range(4)]
    ringing = [Call.new(quietly, dialled(status="offered", deadline=ago(1))) for _ in range(4)]
    with ThreadPoolExecutor(2) as pool:
        swept, purged = pool.submit(sweeping(sessions)), pool.submit(purging(sessions))

    assert (swept.result().ended, purged.result().sessions) == (4, 4)
    assert [call.document.get().exists for call in [*due, *ringing]] == [False] * 4 + [True] * 4


def test_a_bound_run_takes_the_oldest_and_says_that_there_is_more(quietly: Backend, sessions: store.Sessions) -> None:
    calls = [Call.new(quietly, ended(expires_at=ago(seconds))) for seconds in (100, 300, 200)]
    purged = service.purge(sessions, logs, now(), at_most=2)

    assert (purged.sessions, purged.more) == (2, True)
    assert [call.document.get().exists for call in calls] == [True, False, False]


def test_the_counts_of_a_run_are_one_line_of_the_log(backend: Backend) -> None:
    with backend.wire.losing():
        with_candidates(backend, 2)
        Call.new(backend, dialled(hangup=hangup("caller", "cancel")))
        backend.sweep()
        backend.purge()

    ended_one = asdict(service.Swept(looked_at=1, changed=1, ended=1))
    assert last_line(backend.sweeper.output()).items() >= {"event": "swept", **ended_one}.items()
    purged_one = asdict(service.Purged(looked_at=1, sessions=1, documents=3))
    assert last_line(backend.purger.output()).items() >= {"event": "purged", **purged_one}.items()


def last_line(output: str) -> dict[str, Any]:
    lines: Sequence[str] = [line for line in output.splitlines() if line.startswith('{"severity"')]
    entry: dict[str, Any] = json.loads(lines[-1])
    return entry


def test_an_hour_is_what_the_end_of_a_call_leaves_it(quietly: Backend, sessions: store.Sessions) -> None:
    """The two clocks of one session: what ends a call makes it due for the purge, and not a moment before."""
    call = Call.new(quietly, dialled(hangup=hangup("caller", "cancel")))
    sweeping(sessions)()
    expires_at = call.now()["expires_at"]

    assert service.purge(sessions, logs, expires_at - timedelta(microseconds=1)).looked_at == 0
    assert service.purge(sessions, logs, expires_at).sessions == 1
