"""Firestore, and the one seam through which everything that this back end writes goes.

A decision is made on a session as it was read and is written on condition that the session is still that one: the
precondition on its update time takes no read and no lock. Where the condition fails, somebody else was faster, and the
session is read and judged again. So an event's own snapshot will do: an old one cannot be written on.
"""

import contextlib
import functools
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

from firebase_functions.core import Change as Written
from firebase_functions.firestore_fn import Event
from google.api_core.exceptions import Aborted, AlreadyExists, FailedPrecondition, NotFound
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from webrtc_lite.core.allowance import Ringing
from webrtc_lite.core.machine import Actor, Status
from webrtc_lite.core.others import ENGAGING
from webrtc_lite.core.records import Session
from webrtc_lite.core.session import Change, waits_for_its_check
from webrtc_lite.edge import documents, logs

SESSIONS = "webrtc_sessions"
HISTORY = "call_history"
ENGAGEMENTS = "engagements"  # a document a person: see Sessions.settle

ID = "__name__"

QUESTIONS = 32  # at a time: a person waits for the phone to ring while an instance asks
TRIES = 5  # of one decision: whoever is overtaken that often has others settle it, or the sweep
PAGE = 100  # documents of one query at a time: with two descriptions of 64 KiB each they take 13 MB
BATCH = 400  # writes of one commit; Firestore took 500 for years and now counts megabytes

# How Firestore says that a document is no longer the one that was seen; Aborted is its word when many write at once.
REFUSALS = (FailedPrecondition, NotFound, AlreadyExists, Aborted)

type Document = firestore.DocumentSnapshot[firestore.DocumentReference]
type SessionEvent = Event[Written[Document | None]]
type Decide = Callable[[Session, Sequence[Session], Ringing | None], Change | None]


# --- queries: as data, because a missing index shows in production only (a test compares them with the index file)


@dataclass(frozen=True)
class Query:
    """One question that is asked: of which collection, with which filters, in which order (none: by document id)."""

    collection: str
    filters: tuple[tuple[str, str], ...]
    order: tuple[str, ...] = ()

    def of(self, client: firestore.Client, *values: object) -> firestore.Query:
        query = cast("firestore.Query", client.collection(self.collection))
        for (path, operator), value in zip(self.filters, values, strict=True):
            query = query.where(filter=FieldFilter(path, operator, value))
        return functools.reduce(lambda ordered, path: ordered.order_by(path), self.order, query)


UNCONNECTED = Query(SESSIONS, (("status", "in"),))
# Two equalities: Firestore joins the indexes that every field has by itself, and needs none of their own.
HUNG_UP = Query(SESSIONS, (("status", "=="), ("hangup.by", "in")))
OVERDUE = Query(SESSIONS, (("status", "in"), ("deadline", "<=")), ("deadline",))
EXPIRED = Query(SESSIONS, (("expires_at", "<="),), ("expires_at",))
CALLING = Query(SESSIONS, (("caller_id", "in"), ("status", "in")))
CALLED = Query(SESSIONS, (("callee_id", "in"), ("status", "in")))
DIALLING = Query(SESSIONS, (("caller_id", "in"), ("status", "==")))
QUERIES = (UNCONNECTED, HUNG_UP, OVERDUE, EXPIRED, CALLING, CALLED, DIALLING)

# A person has one engagement, and as many more as are over and not yet swept.
ENGAGEMENTS_MAX = 20
# Of what is dialled and not settled, which only who floods has more of. What is not seen here is seen by its own
# settling, which then finds this call: one of the two rings either way.
DIALLED_MAX = 10


# --- sessions


@dataclass(frozen=True)
class Snapshot:
    """A session document as it was read, and the moment of its last write, which is what a write on it depends on."""

    session_id: str
    document: Mapping[str, Any] = field(repr=False)
    update_time: datetime

    @classmethod
    def of(cls, read: Document) -> "Snapshot":
        return cls(read.id, read.to_dict() or {}, cast("datetime", read.update_time))

    def session(self) -> Session:
        session, ignored = documents.session(self.session_id, self.document)
        if ignored:
            logs.fields_ignored(self.session_id, ignored)
        return session

    def remains(self) -> Session | None:
        return documents.remains(self.session_id, self.document)


@dataclass(frozen=True)
class Company:
    """The other sessions of two people that may be in the way, and when their engagements were last written."""

    seen: Mapping[str, Snapshot]
    engagements: Mapping[str, datetime]
    ringing: Ringing | None  # the account of the caller

    @functools.cached_property
    def sessions(self) -> tuple[Session, ...]:
        """One that cannot be read engages nobody: the sweep ends it."""
        found = []
        for seen in self.seen.values():
            with contextlib.suppress(documents.UnreadableDocumentError):
                found.append(seen.session())
        return tuple(found)


NOBODY = Company({}, {}, None)


def written(event: SessionEvent) -> Snapshot | None:
    """What a trigger has to look at: nothing where the session has ended or is gone."""
    after = event.data.after
    if after is None:
        return None
    snapshot = Snapshot.of(after)
    return None if snapshot.document.get("status") == Status.ENDED else snapshot


class Sessions:
    """What service.Sessions asks for."""

    unreadable: type[Exception] = documents.UnreadableDocumentError

    def __init__(self, client: firestore.Client) -> None:
        self._client = client
        self._threads = ThreadPoolExecutor(QUESTIONS, "questions")

    def read(self, session_id: str) -> Session | None:
        """One that cannot be read is nobody's."""
        snapshot = self._read(session_id)
        try:
            return snapshot.session() if snapshot else None
        except documents.UnreadableDocumentError:
            return None

    def settle(self, seen: Snapshot, decide: Decide) -> Change | None:
        """Writes what `decide` makes of the session, every end with its history record, in one commit.

        A session that is gone, and one that needs no change, is nothing. The last of several refusals is raised.

        Two calls of one person that are settled at the same moment do not see each other ring. So whoever lets a
        session ring writes to the engagement of both people, on condition that it is as it was before the others were
        looked for: of two that race, one is refused, looks again, and finds the other.
        """
        snapshot: Snapshot | None = seen
        recorded: frozenset[str] = frozenset()
        tries = 0
        while snapshot:
            session, company = self._with_agreed(snapshot.session()), NOBODY
            change = decide(session, company.sessions, company.ringing)
            if change and change.rings:
                company = self._company(session)
                change = decide(session, company.sessions, company.ringing)
            if change is None:
                break
            tries += 1
            try:
                self._write(snapshot, change, company, recorded)
            except REFUSALS as refusal:
                if tries == TRIES:
                    raise
                # A record that exists was written with the end of its session, which the next look then finds. Should
                # the session be alive all the same, it has to end without a second one.
                recorded = self._recorded(change) if isinstance(refusal, AlreadyExists) else recorded
                snapshot = self._read(seen.session_id)
            else:
                return change
        return None

    def end_unreadable(self, seen: Snapshot, problem: Exception, now: datetime, kept: timedelta) -> bool:
        """Whether a session that cannot be read was ended. Without history: who spoke when would be a guess."""
        names = problem.names if isinstance(problem, documents.UnreadableDocumentError) else ()
        logs.session_unreadable(seen.session_id, names)
        batch = self._client.batch()
        ending = documents.end_of_unreadable(names, now, kept)
        batch.update(self._session(seen.session_id), ending, self._still(seen.update_time))
        try:
            batch.commit()
        except REFUSALS:
            return False  # somebody wrote to it, and an event of that is on its way
        return True

    def due(self, now: datetime) -> Iterator[Iterator[Snapshot]]:
        """What a sweep looks at (SPEC section 2), a query at a time; the same session may come twice.

        First what time has ended, the longest ago first: a person has one of these, so nobody has many. Last what an
        event may have been lost of, which one user can make any number of: from anywhere on, or whoever has the first
        ids in a flood would be all that is ever looked at.
        """
        unconnected = [Status.PENDING.value, Status.OFFERED.value, Status.ANSWERED.value]
        sides = [Actor.CALLER.value, Actor.CALLEE.value]
        yield self._found(OVERDUE, sorted(status.value for status in ENGAGING), now)
        yield self._found(HUNG_UP, Status.CONNECTED.value, sides)
        yield self._from_anywhere(UNCONNECTED, unconnected)

    def expired(self, now: datetime) -> Iterator[Snapshot]:
        """The sessions whose time is up, the oldest first, with no more of them than the purge needs."""
        return self._found(EXPIRED, now, only=("status", "expires_at"))

    def purge(self, seen: Snapshot) -> int | None:
        """Deletes a session and everything below it; how many documents that were, or None if it has changed.

        The session goes with the last of what lies below it, in one commit on condition that it is still the one that
        was seen: one that has come back to life keeps everything, and one that is interrupted is found again.
        """
        deleted = 0
        below = self._below(seen.session_id)
        while len(page := below()) > BATCH:
            if not self._delete_below(seen, page[:BATCH]):
                return None
            deleted += BATCH
        batch = self._client.batch()
        for reference in page:
            batch.delete(reference)
        batch.delete(self._session(seen.session_id), self._still(seen.update_time))
        try:
            batch.commit()
        except REFUSALS:
            return None
        return deleted + len(page) + 1

    def _read(self, session_id: str) -> Snapshot | None:
        read = self._session(session_id).get()
        return Snapshot.of(read) if read.exists else None

    def _with_agreed(self, session: Session) -> Session:
        """Read after the session, and written with it only: what is newer than the session refuses the write."""
        if not waits_for_its_check(session):
            return session
        read = self._agreed(session.id).get()
        return replace(session, agreed=documents.agreed(read.to_dict() or {}))

    def _company(self, session: Session) -> Company:
        """The others of the two people. Their engagements are read first: what happens after that shows in them."""
        people = [session.caller_id, session.callee_id]
        engagements = self._client.get_all([self._engagement(uid) for uid in people])
        was = {read.id: read for read in engagements if read.exists}
        engaging = sorted(status.value for status in ENGAGING)
        asked = [
            self._threads.submit(self._first, ENGAGEMENTS_MAX, CALLING, people, engaging),
            self._threads.submit(self._first, ENGAGEMENTS_MAX, CALLED, people, engaging),
            self._threads.submit(self._first, DIALLED_MAX, DIALLING, people, Status.PENDING.value),
        ]
        ringing = self._ringing(was.get(self._engagement(session.caller_id).id))
        return Company(
            {each.session_id: each for found in asked for each in found.result()},
            {name: cast("datetime", read.update_time) for name, read in was.items()},
            ringing,
        )

    def _ringing(self, engagement: Document | None) -> Ringing | None:
        """The account of a caller, with the call that is not in it yet. One that has been purged rang long ago."""
        found = documents.ringing(engagement.to_dict() or {}) if engagement else None
        if found is None:
            return None
        account, last = found
        read = self._session(last).get(list(documents.RungDocument.model_fields))
        return replace(account, last=documents.rung(last, read.to_dict() or {}))

    def _write(self, seen: Snapshot, change: Change, company: Company, recorded: frozenset[str]) -> None:
        batch = self._client.batch()
        self._put(batch, seen, change, recorded)
        for other in change.others:
            self._put(batch, company.seen[other.after.id], other, recorded)
        if change.rings:
            self._engage(batch, change, company)
        batch.commit()

    def _put(self, batch: firestore.WriteBatch, seen: Snapshot, change: Change, recorded: frozenset[str]) -> None:
        fields = documents.update(change)
        present = {name: firestore.DELETE_FIELD if value is None else value for name, value in fields.items()}
        batch.update(self._session(seen.session_id), present, self._still(seen.update_time))
        if change.after.agreed is not None and change.after.agreed != change.before.agreed:
            batch.set(self._agreed(seen.session_id), documents.agreed_document(change.after.agreed))
        if change.history and seen.session_id in recorded:
            logs.history_exists(seen.session_id)
        elif change.history:
            # Not set(): a second record must not replace the first.
            batch.create(self._record(seen.session_id), documents.history(change.history))

    def _engage(self, batch: firestore.WriteBatch, change: Change, company: Company) -> None:
        session, ringing = change.after, change.ringing
        if ringing is None:  # whoever decides without a caller's account lets nobody ring
            raise ValueError("a change that rings has the caller's account")
        engaged = documents.engagement(session.id, ringing.at)
        account = documents.account(session.id, ringing)
        for uid, fields in ((session.caller_id, engaged | account), (session.callee_id, engaged)):
            reference = self._engagement(uid)
            was = company.engagements.get(reference.id)
            if was is None:
                batch.create(reference, fields)
            else:
                batch.update(reference, fields, self._still(was))

    def _recorded(self, change: Change) -> frozenset[str]:
        ended = [each.after.id for each in (change, *change.others) if each.history]
        read = self._client.get_all([self._record(session_id) for session_id in ended], ["ended_at"])
        return frozenset(each.id for each in read if each.exists)

    def _first(self, at_most: int, query: Query, *values: object) -> list[Snapshot]:
        return [Snapshot.of(read) for read in query.of(self._client, *values).limit(at_most).get()]

    def _found(self, query: Query, *values: object, only: tuple[str, ...] = ()) -> Iterator[Snapshot]:
        asked = query.of(self._client, *values)
        return self._paged(asked.select(only) if only else asked)

    def _from_anywhere(self, query: Query, *values: object) -> Iterator[Snapshot]:
        """The answer to a query without an order, beginning at a random id and ending before it."""
        asked = query.of(self._client, *values).order_by(ID)
        start = {ID: self._session(secrets.token_urlsafe(16))}  # of the alphabet that ids are made of
        yield from self._paged(asked.start_at(start))
        yield from self._paged(asked.end_before(start))

    def _paged(self, asked: firestore.Query) -> Iterator[Snapshot]:
        """The answer to a query, read as it is used."""
        page = asked.limit(PAGE).get()
        while page:
            yield from map(Snapshot.of, page)
            if len(page) < PAGE:
                return
            page = asked.limit(PAGE).start_after(page[-1]).get()

    def _below(self, session_id: str) -> Callable[[], list[firestore.DocumentReference]]:
        """Looks for what lies below a session, at any depth and by any name: up to one more than a batch holds."""

        def look() -> list[firestore.DocumentReference]:
            found: list[firestore.DocumentReference] = []
            for collection in self._session(session_id).collections():
                query = collection.recursive().select([]).limit(BATCH + 1 - len(found))
                found += [cast("firestore.DocumentReference", each.reference) for each in query.stream()]
                if len(found) > BATCH:
                    break
            return found

        return look

    def _delete_below(self, seen: Snapshot, references: list[firestore.DocumentReference]) -> bool:
        """A part of what lies below a session, unless that has changed. Here a lock is needed: it is not written to."""

        @firestore.transactional
        def delete(transaction: firestore.Transaction) -> bool:
            session = self._session(seen.session_id).get(["status"], transaction=transaction)
            if not session.exists or session.update_time != seen.update_time:
                return False
            for reference in references:
                transaction.delete(reference)
            return True

        return bool(delete(self._client.transaction()))

    def _session(self, session_id: str) -> firestore.DocumentReference:
        return self._client.collection(SESSIONS).document(session_id)

    def _record(self, session_id: str) -> firestore.DocumentReference:
        return self._client.collection(HISTORY).document(session_id)

    def _engagement(self, uid: str) -> firestore.DocumentReference:
        # With something before it: a uid may be "." or "__x__", which no document can be called.
        return self._client.collection(ENGAGEMENTS).document(f"uid:{uid}")

    def _agreed(self, session_id: str) -> firestore.DocumentReference:
        return self._client.document(f"{SESSIONS}/{session_id}/server/agreed")

    def _still(self, update_time: datetime) -> Any:  # noqa: ANN401 (the SDK's own type is private)
        return self._client.write_option(last_update_time=update_time)


@functools.cache
def sessions() -> Sessions:
    """One client for an instance, made when it is first used. The SDK makes another for every event: not this one."""
    return Sessions(firestore.Client(project=os.environ.get("GCLOUD_PROJECT")))
