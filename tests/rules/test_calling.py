"""firestore.rules: who may call whom, and how (SPEC 3.1, the create)."""

import pytest

from tests.rules.attempts import Attempt, beside, check, granted
from tests.rules.calls import ALICE, BOB, EVE, ID, SDP, SDP_MAX, SESSION, connected, ended, new, offer, pending
from tests.support.documents import ABSENT, Documents, ago, ahead

CALL = Attempt("create", SESSION, ALICE, new())
WITH_OFFER = CALL.but("write/offer", offer())
BLOCKED = f"users/{BOB}/blocks/{ALICE}"

NOT_A_STRING = [None, 1, True, ["text"], {"text": "text"}]


def called(uid: str) -> Attempt:
    return CALL.but("write/callee_id", uid)


@granted(
    without_offer=CALL,
    with_offer=WITH_OFFER,
    audio=CALL.but("write/media", "audio"),
    from_a_device=CALL.but("write/caller_device_id", "d" * 128),
    shortest_id=CALL.but("path", f"webrtc_sessions/{'a' * 16}"),
    longest_id=CALL.but("path", f"webrtc_sessions/{'Zz09_-'.ljust(64, 'a')}"),
    shortest_uid=called("b"),
    longest_uid=called("b" * 128),
    longest_uid_in_characters=called("\N{TELEPHONE RECEIVER}" * 128),
    odd_uid=called("b o:b@example.com\n{b}*"),
    largest_offer=WITH_OFFER.but("write/offer/sdp", SDP.ljust(SDP_MAX)),
)
def test_a_signed_in_user_calls_another(documents: Documents, attempt: Attempt) -> None:
    assert attempt.is_allowed(documents)


@beside(CALL, {"by": [None, BOB, EVE], "write/caller_id": [BOB, EVE, "", ABSENT, *NOT_A_STRING]})
def test_a_caller_calls_in_its_own_name_only(documents: Documents, refused: Attempt, allowed: Attempt) -> None:
    check(documents, refused, allowed)


@pytest.mark.parametrize("uid", ["a/b", "a" * 129, ""])
def test_a_caller_of_an_impossible_uid_does_not_call(documents: Documents, uid: str) -> None:
    """A custom token may say anything."""
    check(documents, CALL.but("by", uid).but("write/caller_id", uid), CALL)


@beside(CALL, {"write/callee_id": [ALICE, "", "b" * 129, "b/o/b", "/", ABSENT, *NOT_A_STRING]})
def test_a_callee_is_somebody_else_of_a_possible_uid(documents: Documents, refused: Attempt, allowed: Attempt) -> None:
    check(documents, refused, allowed)


@beside(CALL, {"write/caller_device_id": ["d" * 129, *NOT_A_STRING]})
def test_a_device_has_a_name_of_128_characters_at_most(
    documents: Documents, refused: Attempt, allowed: Attempt
) -> None:
    check(documents, refused, allowed)


@beside(CALL, {"write/media": ["data", "Video", "", ABSENT, None, 1], "write/status": ["offered", "", ABSENT, None]})
def test_a_call_is_of_audio_or_video_and_begins_pending(
    documents: Documents, refused: Attempt, allowed: Attempt
) -> None:
    check(documents, refused, allowed)


@beside(CALL, {"write/created_at": [ago(seconds=1), ahead(seconds=1), ABSENT, None, 0, "now"]})
def test_a_call_begins_now(documents: Documents, refused: Attempt, allowed: Attempt) -> None:
    check(documents, refused, allowed)


ANSWER_FIELDS = ["answer", "ice_state", "alive_at", "hangup"]
SERVER_FIELDS = [
    *("accepted", "deadline", "expires_at", "updated_at", "offered_at", "rung_at", "answered_at", "connected_at"),
    *("ended_at", "end_reason", "superseded_by", "error"),
]


@beside(CALL, {f"write/{name}": ["said"] for name in [*ANSWER_FIELDS, *SERVER_FIELDS, "anything", "Offer"]})
def test_nothing_else_stands_in_a_new_session(documents: Documents, refused: Attempt, allowed: Attempt) -> None:
    check(documents, refused, allowed)


@beside(
    WITH_OFFER,
    {
        "write/offer": [None, "offer", {}, []],
        "write/offer/type": ["answer", "pranswer", "", ABSENT, None, 1],
        "write/offer/from": ["callee", "", ABSENT, None],
        "write/offer/revision": [0, 2, -1, 1.0, "1", None, ABSENT],
        "write/offer/sdp": [
            None,
            1,
            ABSENT,
            ["v=0"],
            ["v", "=", "0"],
            {"v": 0},
            "",
            "v=",
            "v=1\r\n",
            " v=0\r\n",
            "o=- 1 1 IN IP4 0.0.0.0\r\n",
        ],
        "write/offer/device_id": ["phone"],
        "write/offer/other": [1],
    },
)
def test_an_offer_in_a_new_session_is_the_callers_first(
    documents: Documents, refused: Attempt, allowed: Attempt
) -> None:
    check(documents, refused, allowed)


@beside(
    WITH_OFFER.but("write/offer/sdp", SDP.ljust(SDP_MAX)),
    {"write/offer/sdp": [SDP.ljust(SDP_MAX + 1), SDP + "\N{TELEPHONE RECEIVER}" * (SDP_MAX // 4)]},
)
def test_a_description_is_at_most_65536_bytes_however_few_characters(
    documents: Documents, refused: Attempt, allowed: Attempt
) -> None:
    check(documents, refused, allowed)


IMPOSSIBLE_IDS = [
    "a" * 15,
    "a" * 65,
    "a" * 1500,
    "a" * 15 + ".",
    "a" * 16 + " ",
    "a" * 15 + "\N{LATIN SMALL LETTER E WITH ACUTE}",
]


@beside(CALL, {"path": [f"webrtc_sessions/{each}" for each in IMPOSSIBLE_IDS]})
def test_an_id_is_of_16_to_64_letters_digits_hyphens_and_underscores(
    documents: Documents, refused: Attempt, allowed: Attempt
) -> None:
    check(documents, refused, allowed)


@beside(CALL, {"beside": [{f"call_history/{ID}": {"participants": ["carol", "dave"]}}]})
def test_an_id_is_used_once(documents: Documents, refused: Attempt, allowed: Attempt) -> None:
    check(documents, refused, allowed)


@beside(CALL, {"beside": [{BLOCKED: {"created_at": ago(days=1)}}]})
def test_a_caller_whom_the_callee_blocks_does_not_get_through(
    documents: Documents, refused: Attempt, allowed: Attempt
) -> None:
    check(documents, refused, allowed)


@granted(
    by_another=CALL.but("beside", {f"users/{BOB}/blocks/{EVE}": {"created_at": ago(days=1)}}),
    the_other_way=CALL.but("beside", {f"users/{ALICE}/blocks/{BOB}": {"created_at": ago(days=1)}}),
    as_a_device=CALL.but("beside", {f"users/{BOB}/devices/{ALICE}": {"created_at": ago(days=1)}}),
    other_history=CALL.but("beside", {"call_history/0123456789abcdef": {"participants": [ALICE, BOB]}}),
)
def test_a_block_is_between_one_person_and_another(documents: Documents, attempt: Attempt) -> None:
    assert attempt.is_allowed(documents)


@pytest.mark.parametrize("stored", [pending(), connected(), ended()], ids=["pending", "connected", "ended"])
def test_a_session_that_exists_is_never_created_again(documents: Documents, stored: dict[str, object]) -> None:
    put = Attempt("put", SESSION, ALICE, new())

    check(documents, put.but("stored", stored), put)


@pytest.mark.parametrize("by", [ALICE, BOB, EVE, None])
@pytest.mark.parametrize("stored", [pending(), ended()], ids=["pending", "ended"])
def test_only_the_server_deletes_a_session(documents: Documents, stored: dict[str, object], by: str | None) -> None:
    assert not Attempt("delete", SESSION, by, stored=stored).is_allowed(documents)
    assert Attempt("delete", SESSION, "owner", stored=stored).is_allowed(documents)
