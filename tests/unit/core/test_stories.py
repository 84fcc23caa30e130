"""Any story that three people with two devices each can write, against the core: SPEC section 2 by properties.

A client writes what the rules let it write; `tests.unit.core.stories` states them once more, in small. What the server
writes goes the way of edge/store.py: a settling looks at a session, then at the others of its people, then commits on
condition that nothing that it relies on has changed since. Between any two of these steps anything else may happen.

The same stories in every run; `STORIES=20000` plays as many others.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.unit.core.calls import ANSWER_SDP, BAD_SDP, OFFER_SDP, at
from tests.unit.core.stories import (
    DEVICES,
    LASTING,
    PEOPLE,
    SERVER_ONLY,
    Database,
    Settling,
    age,
    as_it_stood,
    is_nonsense,
    is_reverse,
    may_answer,
    may_call_off,
    may_hang_up,
    may_offer,
    may_report,
    may_say_alive,
    people_of,
    supersedes,
)
from webrtc_lite.core.deadlines import due
from webrtc_lite.core.machine import CALLEE, CALLER, Actor, Status
from webrtc_lite.core.others import ENGAGING
from webrtc_lite.core.records import Description, EndReason, Hangup, IceState, Session
from webrtc_lite.core.session import SIDES, Change, settle

OTHERS_THAN_LASTING = int(os.environ.get("STORIES", "0"))
SDP = {"an offer": OFFER_SDP, "an answer": ANSWER_SDP, "nonsense": BAD_SDP}
SHORT, LONG = [0.5, 1.0, 5.0], [20.0, 300.0, 600.0]
SELDOM = st.sampled_from([True, False, False, False])
SOME_OFFER, SOME_ANSWER = (st.sampled_from([valid] * 4 + ["nonsense"]) for valid in ("an offer", "an answer"))
BEGINNINGS = ["nothing", "rings", "connects", "they meet", "it is dialled twice"]
AT_MOST = 8  # sessions of one story
AGES = 10**7  # seconds, after which nothing lives

picks = st.integers(0, 10**6)  # one of what there is at that moment


class Stories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self.database = Database()
        self.settlings: list[Settling] = []
        self.over: dict[str, Session] = {}
        self.looked_at = (0, 0.0)

    @initialize(stands=st.sampled_from(BEGINNINGS), device=st.sampled_from(DEVICES))
    def begin(self, stands: str, device: str | None) -> None:
        """Many stories begin in the middle, or few would get there."""
        if stands != "nothing":
            self.dial(["alice", "bob"], device, 5, "an offer")
        if stands in {"they meet", "it is dialled twice"}:
            self.wait(0.5)
            self.dial(["bob", "alice"] if stands == "they meet" else ["alice", "bob"], device, 0, "an offer")
        elif stands != "nothing":
            self.settle_one(0)
        if stands == "connects":
            self.answer(0, "phone", "an answer")
            self.report(0, IceState.CONNECTED)
            self.settle_one(0)

    # --- what people do

    @rule(
        two=st.permutations(PEOPLE[:2]) | st.permutations(PEOPLE),
        device=st.sampled_from(DEVICES),
        name=st.integers(0, 99),
        said=st.none() | SOME_OFFER,
    )
    @precondition(lambda self: len(self.database.sessions) < AT_MOST)
    def dial(self, two: Sequence[str], device: str | None, name: int, said: str | None) -> None:
        """The id decides between two calls of one moment, and comes in any order."""
        session = Session(
            id=f"{name:02}-{len(self.database.sessions)}",
            caller_id=two[0],
            callee_id=two[1],
            media="audio",
            status=Status.PENDING,
            created_at=at(self.seconds),
            caller_device_id=device,
            offer=Description(SDP[said], 1, CALLER) if said else None,
        )
        self.database.write(session)

    @rule(pick=picks, said=SOME_OFFER)
    def offer(self, pick: int, said: str) -> None:
        for session, side in self.one_of(pick, (each for each in self.sides() if may_offer(*each))):
            revision = session.offer.revision + 1 if session.offer else 1
            self.database.write(replace(session, offer=Description(SDP[said], revision, side)))

    @rule(
        pick=picks,
        device=st.sampled_from(DEVICES),
        said=SOME_ANSWER,
    )
    def answer(self, pick: int, device: str | None, said: str) -> None:
        now = at(self.seconds)
        for session, side in self.one_of(pick, (each for each in self.sides() if may_answer(*each, now))):
            assert session.offer is not None
            self.database.write(replace(session, answer=Description(SDP[said], session.offer.revision, side, device)))

    @rule(pick=picks, state=st.sampled_from([IceState.CONNECTED, *IceState]))
    def report(self, pick: int, state: IceState) -> None:
        for session, side in self.one_of(pick, (each for each in self.sides() if may_report(each[0]))):
            self.database.write(replace(session, ice_state={**session.ice_state, side: state}))

    @rule(pick=picks)
    def say_alive(self, pick: int) -> None:
        now = at(self.seconds)
        for session, side in self.one_of(pick, (each for each in self.sides() if may_say_alive(*each, now))):
            self.database.write(replace(session, alive_at={**session.alive_at, side: now}))

    @rule(pick=picks, reason=st.sampled_from(["hangup", "failed", "stop"]))
    def hang_up(self, pick: int, reason: str) -> None:
        """A stop is a decline or a cancel."""
        granted = may_call_off if reason == "stop" else may_hang_up
        for session, side in self.one_of(pick, (each for each in self.sides() if granted(each[0]))):
            said = {CALLER: "cancel", CALLEE: "decline"}[side] if reason == "stop" else reason
            self.database.write(replace(session, hangup=Hangup(side, said, at(self.seconds))))

    # --- what time does

    @rule(seconds=st.sampled_from(SHORT * 4 + LONG))
    def wait(self, seconds: float) -> None:
        self.seconds += seconds

    @rule(pick=picks, around=st.sampled_from([-0.5, 0.0, 0.5]), seldom=SELDOM)
    def wait_for_a_deadline(self, *, pick: int, around: float, seldom: bool) -> None:
        """One time in four, or no call would grow old."""
        for session in self.one_of(pick, self.database.live()) if seldom else []:
            self.seconds = max(self.seconds, (due(session, LASTING) - at(0)).total_seconds() + around)

    # --- what the server does: with events that come late, twice, out of order or never

    @rule(pick=picks)
    def hear_of_one(self, pick: int) -> None:
        """A delivery begins. Its look at the session may grow old before it goes on, and its clock with it."""
        for session in self.one_of(pick, self.unsettled()):
            self.settlings.append(self.heard(session))

    @rule(pick=picks)
    def go_on(self, pick: int) -> None:
        for settling in self.one_of(pick, self.settlings):
            self.take_a_step(settling)

    @rule(pick=picks, seldom=SELDOM)
    def crash(self, *, pick: int, seldom: bool) -> None:
        for settling in self.one_of(pick, self.settlings) if seldom else []:
            self.settlings.remove(settling)

    @rule(pick=picks)
    def settle_one(self, pick: int) -> None:
        for session in self.one_of(pick, self.unsettled()):
            self.settle_at_once(session.id)

    @rule(order=st.integers(0, 1000), seldom=SELDOM)
    def sweep_now_and_then(self, *, order: int, seldom: bool) -> None:
        if seldom:
            self.sweep(order)

    def sweep(self, order: int) -> None:
        now = at(self.seconds)
        found = [session.id for session in self.database.live() if is_found_by_a_sweep(session, self.seconds)]
        Random(order).shuffle(found)  # noqa: S311 (an order, not a secret)
        for session_id in found:
            self.settle_at_once(session_id)
        for session in self.database.live():
            assert session.status is not Status.PENDING or session.offer is None, "what can ring rings, or has ended"
            assert now < due(session, LASTING), "overdue after a sweep"
            assert session.hangup is None, "hung up, and alive after a sweep"

    # --- what is always so

    @invariant()
    def all_is_well(self) -> None:
        if self.looked_at != (moment := (self.database.writes, self.seconds)):
            self.looked_at = moment
            self.nobody_is_in_two_calls()
            self.what_has_ended_stays_as_it_ended_with_one_record()
            self.what_is_settled_is_settled()
            self.every_live_call_has_an_end_in_sight()
            self.nobody_wins_over_each_other()

    def nobody_is_in_two_calls(self) -> None:
        """Judged as if settled now, whatever nobody has settled yet."""
        now = at(self.seconds)
        for uid in PEOPLE:
            engaging = [each.id for each in self.database.of(uid) if self.as_if_settled(each, now).status in ENGAGING]
            assert len(engaging) <= 1, (uid, engaging)

    def what_has_ended_stays_as_it_ended_with_one_record(self) -> None:
        for session_id, session in self.over.items():
            assert self.database.sessions[session_id] is session
        assert self.database.history.keys() == self.over.keys()

    def what_is_settled_is_settled(self) -> None:
        for session in self.database.live():
            company, account = self.database.company(session), self.database.account(session.caller_id)
            change = settle(session, company, at(self.seconds), LASTING, account)
            if change is not None:
                gone = {each.after.id: each.after for each in change.others}
                company = [gone.get(each.id, each) for each in company]
                assert settle(change.after, company, at(self.seconds), LASTING, change.ringing) is None

    def every_live_call_has_an_end_in_sight(self) -> None:
        for session in self.database.live():
            assert due(session, LASTING) <= at(self.seconds) + LASTING.lease
            assert (session.deadline is None) == (session.status is Status.PENDING)

    def nobody_wins_over_each_other(self) -> None:
        """Whoever asks which call lives comes to an end, and to the same one from wherever it asks."""
        for each in self.over.values():
            seen = [each.id]
            while (successor := self.database.sessions[seen[-1]].superseded_by) is not None:
                assert successor not in seen, seen
                seen.append(successor)

    def teardown(self) -> None:
        """However the story went, sweeps alone end it. What nobody had settled takes one step of its life in each."""
        for _ in Status:
            self.seconds += AGES
            self.sweep(0)
        assert not list(self.database.live())
        assert self.database.history.keys() == self.database.sessions.keys()

    # --- how

    def unsettled(self) -> Iterable[Session]:
        return [each for each in self.database.live() if settle(each, (), at(self.seconds), LASTING)]

    def sides(self) -> Iterable[tuple[Session, Actor]]:
        return ((session, side) for session in self.database.live() for side in SIDES)

    @staticmethod
    def one_of[T](pick: int, there: Iterable[T]) -> list[T]:
        """One of them, or none if there is none."""
        found = list(there)
        return [found[pick % len(found)]] if found else []

    def heard(self, session: Session) -> Settling:
        return Settling(session, self.database.written[session.id], at(self.seconds))

    def as_if_settled(self, session: Session, now: datetime) -> Session:
        change = None if session.status is Status.PENDING else settle(session, (), now, LASTING)
        return change.after if change else session

    def settle_at_once(self, session_id: str) -> None:
        session = self.database.sessions[session_id]
        if session.status is not Status.ENDED:
            settling = self.heard(session)
            self.settlings.append(settling)
            while settling in self.settlings:
                self.take_a_step(settling)

    def take_a_step(self, settling: Settling) -> None:
        """Reads the fences of the two people; then looks for their others; then commits, or begins again."""
        change = settling.change()
        if change is not None and change.rings and settling.fences is None:
            settling.read_fences(self.database)
        elif settling.fences is not None and settling.company is None:
            settling.look_around(self.database)
        elif change is None:
            self.settlings.remove(settling)
        elif self.database.commit(settling, change):
            self.settlings.remove(settling)
            self.check(settling, change)
        else:
            settling.look_again(self.database)

    def check(self, settling: Settling, change: Change) -> None:
        met = {each.id: each for each in (*(settling.company or ()), change.after)}
        engaging = [each for each in met.values() if self.as_if_settled(each, settling.now).status in ENGAGING]
        for each in (change, *change.others):
            assert each.names <= SERVER_ONLY
            assert each.before.status is not Status.ENDED
            if each.after.status is Status.ENDED:
                self.over[each.after.id] = each.after
                check_record(each)
                check_end(each.after, met, engaging)
                self.check_rung_out(each.after)
        assert not [each for each in change.others if each.after.status is not Status.ENDED]

    def check_rung_out(self, session: Session) -> None:
        """Only who has let somebody ring has to wait. An answer that nobody has settled yet is none to the account."""
        if session.end_reason is EndReason.BUSY and session.error:
            calls = [each for each in self.database.sessions.values() if each.caller_id == session.caller_id]
            assert [each for each in calls if each.offered_at]


def is_found_by_a_sweep(session: Session, seconds: float) -> bool:
    """SPEC section 2: all that has not connected; of what has, what is hung up or past its deadline."""
    overdue = session.deadline is not None and session.deadline <= at(seconds)
    return session.status is not Status.CONNECTED or session.hangup is not None or overdue


def check_record(change: Change) -> None:
    session, record = change.after, change.history
    assert record is not None
    assert (record.session_id, record.end_reason, record.ended_at) == (session.id, session.end_reason, session.ended_at)
    assert (record.answered_at, record.connected_at) == (session.answered_at, session.connected_at)
    assert session.ended_at is not None
    assert session.expires_at == session.ended_at + LASTING.session_kept
    assert record.expires_at == session.ended_at + LASTING.history_kept
    lasted = (session.ended_at - session.connected_at).total_seconds() if session.connected_at else 0
    assert record.duration_s == max(0, int(lasted))


def reason_as_said(session: Session, met: Mapping[str, Session]) -> EndReason:
    """A second statement of every end: by what was said and when, and by where the call stood then."""
    last, hangup = as_it_stood(session), session.hangup
    if hangup and hangup.at < due(last, LASTING):
        return reason_of_hangup(hangup, session)
    if session.superseded_by:
        return EndReason.SUPERSEDED if supersedes(met[session.superseded_by], session) else EndReason.GLARE
    overdue = session.ended_at is not None and due(last, LASTING) <= session.ended_at
    match last.status:
        case Status.PENDING:
            spoken = EndReason.INVALID_OFFER if is_nonsense(session.offer) else EndReason.BUSY
            return EndReason.EXPIRED if overdue else spoken
        case Status.OFFERED:
            return EndReason.INVALID_ANSWER if is_nonsense(session.answer) else EndReason.MISSED
        case Status.CONNECTED:
            gave_up = set(map(session.ice_state.get, SIDES)) == {IceState.FAILED}
            return EndReason.FAILED if gave_up else EndReason.EXPIRED
        case _:
            return EndReason.FAILED


def reason_of_hangup(hangup: Hangup, session: Session) -> EndReason:
    if session.answer is None:
        return EndReason.CANCELLED if hangup.by is CALLER else EndReason.DECLINED
    return EndReason.FAILED if hangup.reason == "failed" else EndReason.HANGUP


def check_end(session: Session, met: Mapping[str, Session], engaging: Sequence[Session]) -> None:
    """Nothing ends before its time, and nobody is busy, or has another call, for nothing."""
    assert session.end_reason is reason_as_said(session, met)
    assert session.ended_at is not None
    successor = met.get(session.superseded_by or "", session)
    match session.end_reason:
        case EndReason.MISSED | EndReason.EXPIRED:
            assert due(as_it_stood(session), LASTING) <= session.ended_at
        case EndReason.BUSY:
            others = [each for each in engaging if not supersedes(session, each) and each is not session]
            assert [each for each in others if people_of(each) & people_of(session)] or session.error
            assert not [each for each in others if supersedes(each, session) or is_reverse(each, session)]
        case EndReason.SUPERSEDED:
            assert supersedes(successor, session)
        case EndReason.GLARE:
            assert is_reverse(successor, session)
            assert successor in engaging or age(successor) < age(session)
        case EndReason.INVALID_OFFER | EndReason.INVALID_ANSWER:
            assert session.error is not None
            assert session.error.revision == 1


Stories.TestCase.settings = settings(
    max_examples=OTHERS_THAN_LASTING or 200,
    derandomize=not OTHERS_THAN_LASTING,
    stateful_step_count=70,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestStories = Stories.TestCase
