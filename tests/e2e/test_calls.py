"""Calls as people make them: the page in real browsers, over the whole stack and a real relay."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Route

from tests.e2e.conftest import Meet
from tests.support.browsers import Browsers, ChromiumTab, Someone
from tests.support.own_relay import OwnRelay
from tests.support.stack import RunningStack
from tests.support.talking import PAIRS, ended, gives_way, history, is_by, talking
from tests.support.waiting import stands_still, until

BROWSERS = ["chromium", "firefox"]
RING_S, SWEEP_S = 30.0, 60.0


# ---- A call


@pytest.mark.parametrize("relay_only", [True, False], ids=["relay only", "direct"])
@pytest.mark.parametrize("pair", PAIRS, ids=" calls ".join)
def test_both_sides_hear_and_see_each_other(
    meet: Meet,
    stack: RunningStack,
    pair: tuple[str, str],
    relay_only: bool,  # noqa: FBT001
) -> None:
    alice, bob = meet(*pair, relay_only=relay_only)
    talking(alice, bob)

    for someone in (alice, bob):
        own, other = someone.arriving["pair"].split("/")
        # Whose check is here before its candidate is "prflx", whatever it is: the other side says what its own is.
        assert own in ({"relay"} if relay_only else {"host", "prflx"})
        assert other in {own, "host" if own == "prflx" else "prflx"}
        someone.sees("Relayed" if relay_only else "Direct")
        someone.sees("ICE connected")
        assert someone.tab.console == []
    bob.tab.click("Hang up")
    for someone in (alice, bob):
        someone.is_in("Call ended")
    ended(stack, alice, "hangup")


def test_a_call_that_was_written_twice_because_the_first_answer_was_lost_rings_all_the_same(meet: Meet) -> None:
    alice, bob = meet()
    assert isinstance(alice.tab, ChromiumTab)
    statuses: list[int] = []

    def lose_the_first_answer(route: Route) -> None:
        replies = [route.fetch(), route.fetch()]
        statuses.extend(reply.status for reply in replies)
        route.fulfill(response=replies[1])

    alice.tab.page.route("**/documents:commit?*", lose_the_first_answer, times=1)
    talking(alice, bob)
    assert statuses == [200, 403]


def test_the_other_side_is_shown_by_the_name_it_gave_itself(meet: Meet) -> None:
    alice, bob = meet()
    alice.call(bob)
    bob.rings()
    bob.sees(alice.name)
    bob.answer()
    alice.sees(bob.name)


def test_an_audio_call_has_a_voice_and_no_picture_until_somebody_turns_the_camera_on(meet: Meet) -> None:
    alice, bob = meet()
    talking(alice, bob, "Audio call")
    assert alice.arriving["frames"] == bob.arriving["frames"] == 0

    bob.tab.click("Camera on")
    alice.gets()


@pytest.mark.parametrize("kind", BROWSERS)
def test_a_shared_screen_arrives_beside_the_camera_and_goes_again(meet: Meet, kind: str) -> None:
    alice, bob = meet("chromium", kind)
    talking(alice, bob)
    videos = "[...document.querySelectorAll('#remote, #remote-camera')]"
    shown = f"{videos}.filter((each) => each.videoWidth && !each.hidden).length"

    alice.tab.click("Share screen")
    until(lambda: bob.tab.js(shown) == 2, "screen and camera", within_s=20)
    alice.tab.click("Stop sharing")
    until(lambda: bob.tab.js(shown) == 1, "the camera alone", within_s=20)
    bob.gets()


def test_muting_silences_the_voice_and_camera_off_stops_the_picture(meet: Meet) -> None:
    alice, bob = meet()
    talking(alice, bob)
    tracks = "window.current().getSenders().map(({track}) => [track.kind, track.enabled])"

    alice.tab.click("Mute")
    alice.tab.click("Camera off")
    assert sorted(alice.tab.js(tracks)) == [["audio", False], ["video", False]]
    alice.tab.click("Unmute")
    alice.tab.click("Camera on")
    assert sorted(alice.tab.js(tracks)) == [["audio", True], ["video", True]]
    bob.gets()


def test_another_microphone_takes_the_place_of_the_one_in_use(meet: Meet) -> None:
    alice, bob = meet()
    talking(alice, bob)
    in_use = "window.current().getSenders().find(({track}) => track.kind === 'audio').track.getSettings().deviceId"
    before = alice.tab.js(in_use)

    alice.tab.click("Devices")
    until(lambda: alice.tab.js("document.getElementById('microphones').options.length") > 1, "devices")
    assert isinstance(alice.tab, ChromiumTab)
    other = alice.tab.js(
        f"[...document.getElementById('microphones').options].find((o) => o.value !== {before!r}).value"
    )
    alice.tab.page.get_by_label("Microphone").select_option(other)
    until(lambda: alice.tab.js(in_use) == other, "the other microphone")
    bob.gets()


def test_a_device_that_is_pulled_out_is_replaced_by_another_and_the_person_is_told(meet: Meet) -> None:
    alice, bob = meet()
    talking(alice, bob)
    track = "document.getElementById('local').srcObject.getAudioTracks()[0]"
    lose = f"const track = {track}; track.stop(); track.dispatchEvent(new Event('ended'))"
    alice.tab.js(f"{{ {lose} }}")
    alice.sees("Your microphone is gone. Another one has taken its place.")
    bob.gets()

    alice.tab.js(
        "void (navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotFoundError'); })"
    )
    alice.tab.js(f"{{ {lose} }}")
    alice.sees("Your microphone is gone, and nobody hears you.")
    alice.tab.js(f"{{ {lose.replace('Audio', 'Video')} }}")
    alice.sees("Your camera is gone. The other side still hears you.")
    alice.sees("Camera on")


def test_sharing_that_is_stopped_by_the_browsers_own_button_is_over_in_the_page(meet: Meet) -> None:
    alice, bob = meet()
    talking(alice, bob)
    alice.tab.click("Share screen")
    bob_sees_both = "!document.getElementById('remote-camera').hidden"
    until(lambda: bool(bob.tab.js(bob_sees_both)), "screen and camera", within_s=20)
    alice.tab.js(
        "{ const t = window.current().getSenders().filter(({track}) => track?.kind === 'video').at(-1).track;"
        " t.stop(); t.dispatchEvent(new Event('ended')) }"
    )
    alice.sees("Share screen")
    until(lambda: not bob.tab.js(bob_sees_both), "the camera alone", within_s=20)


# ---- Calls that are not answered


def test_a_phone_that_rings_gathers_ahead_and_its_answer_carries_all_candidates(
    meet: Meet, stack: RunningStack, relay: OwnRelay
) -> None:
    [alice], [bob] = meet("chromium"), meet("chromium", before=lambda callee: relay.serves(callee, stack))
    alice.call(bob)
    bob.rings()
    until(lambda: relay.allocations() > 0, "an allocation while it rings")
    before = stands_still(relay.allocations)
    bob.tab.click("Answer")
    for someone in (alice, bob):
        someone.is_in("Connected")
        someone.gets()
    assert relay.allocations() == before
    added = alice.tab.js("window.current().past.filter((each) => each.includes('addIceCandidate candidate:'))")
    assert added == []  # all that Alice knows of Bob came with his answer


def test_a_phone_whose_credential_was_refused_while_it_rang_asks_for_another_once_it_is_answered(
    meet: Meet, stack: RunningStack, relay: OwnRelay
) -> None:
    asked: list[list[float]] = []
    [alice] = meet("chromium")
    [bob] = meet("chromium", before=lambda callee: asked.append(relay.serves(callee, stack, secret="another")))
    alice.call(bob)
    bob.rings()
    until(lambda: relay.refusals() > 0, "a refusal while it rings")
    stands_still(relay.refusals)
    bob.tab.click("Answer")
    for someone in (alice, bob):
        someone.is_in("Connected")
        someone.gets()
    assert [len(each) for each in asked] == [2]


@pytest.mark.parametrize("kind", BROWSERS)
def test_a_call_can_be_declined(meet: Meet, stack: RunningStack, kind: str) -> None:
    alice, bob = meet(kind, kind)
    alice.call(bob)
    bob.rings()
    bob.tab.click("Decline")
    alice.is_in("Call declined")
    assert not bob.is_rung
    ended(stack, alice, "declined")


@pytest.mark.parametrize("kind", BROWSERS)
def test_a_call_can_be_cancelled_while_it_rings(meet: Meet, stack: RunningStack, kind: str) -> None:
    alice, bob = meet(kind, kind)
    alice.call(bob)
    bob.rings()
    alice.tab.click("Hang up")
    alice.is_in("Call cancelled")
    bob.sees(f"Missed call from {alice.name}")
    assert not bob.is_rung
    ended(stack, alice, "cancelled")


BACKGROUND = """
window.shown = []; window.notes = 0;
Object.defineProperty(document, "hidden", { get: () => true });
window.Notification = class {
  static permission = "granted";
  constructor(title) { if (%s) throw new TypeError("Illegal constructor"); window.shown.push(title); }
  close() { window.shown.push("closed"); }
};
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (at) { window.notes += 1; start.call(this, at); };
"""


@pytest.mark.parametrize("for_workers_only", ["false", "true"], ids=["a page's", "those of workers only"])
def test_a_call_rings_aloud_and_with_a_notification_in_a_background_tab(meet: Meet, for_workers_only: str) -> None:
    def in_the_background(someone: Someone) -> None:
        assert isinstance(someone.tab, ChromiumTab)
        someone.tab.page.add_init_script(BACKGROUND % for_workers_only)

    [bob] = meet("chromium", before=in_the_background)
    [alice] = meet("chromium")
    alice.call(bob)
    bob.rings()
    until(lambda: bob.tab.js("window.notes") >= 2, "the sound of ringing")
    alice.tab.click("Hang up")
    until(lambda: not bob.is_rung, "it stops ringing")
    shown = [] if for_workers_only == "true" else [f"{alice.name} is calling", "closed"]
    assert bob.tab.js("window.shown") == shown
    assert bob.tab.console == []


def test_a_page_that_is_reloaded_while_it_rings_rings_again_and_one_that_calls_cancels(meet: Meet) -> None:
    alice, bob = meet()
    alice.call(bob)
    bob.rings()
    bob.tab.reload()
    bob.rings()
    alice.tab.reload()
    bob.sees(f"Missed call from {alice.name}")
    assert not bob.is_rung


def test_whoever_signs_out_while_it_rings_cancels(meet: Meet) -> None:
    alice, bob = meet()
    alice.call(bob)
    bob.rings()
    alice.tab.js("document.getElementById('sign-out').click()")
    alice.sees("Continue as guest")
    bob.sees(f"Missed call from {alice.name}")


def test_somebody_in_a_call_is_busy(meet: Meet, stack: RunningStack) -> None:
    alice, bob, carol = meet("chromium", "chromium", "chromium")
    talking(alice, bob)
    carol.call(bob)
    carol.is_in("Busy: in another call")
    assert not bob.is_rung
    ended(stack, carol, "busy")
    bob.gets()


def test_it_rings_until_the_deadline_also_on_devices_whose_clocks_are_wrong(meet: Meet, stack: RunningStack) -> None:
    def put_the_clock_wrong(someone: Someone) -> None:
        assert isinstance(someone.tab, ChromiumTab)
        someone.tab.page.add_init_script("const real = Date.now; Date.now = () => real() - 86_400_000;")

    alice, bob = meet(before=put_the_clock_wrong)
    alice.call(bob)
    bob.rings()
    rings_from = time.monotonic()
    until(lambda: not bob.is_rung, "it stops ringing", within_s=RING_S + 15)
    assert RING_S - 5 < time.monotonic() - rings_from < RING_S + 10
    bob.sees(f"Missed call from {alice.name}")
    alice.is_in("No answer")
    ended(stack, alice, "missed", within_s=SWEEP_S + 15)


def test_of_two_who_call_each_other_one_call_goes_on_and_nobody_has_to_answer(meet: Meet, stack: RunningStack) -> None:
    alice, bob = meet()
    for someone, other in ((alice, bob), (bob, alice)):
        someone.tab.js(f"document.getElementById('callee').value = {other.uid!r}")
    for someone in (alice, bob):
        someone.tab.js("void document.getElementById('call-video').click()")
    for someone in (alice, bob):
        someone.is_in("Connected")
        someone.gets()
        assert not someone.is_rung
    until(lambda: any(is_by(each, alice) or is_by(each, bob) for each in history(stack)), "the other's record")


def test_whoever_gives_way_to_a_call_that_is_over_as_well_is_not_filmed_any_more(
    meet: Meet, stack: RunningStack
) -> None:
    alice, bob = meet()
    alice.call(bob)
    bob.rings()
    alice.tab.js("void (window.filmed = document.getElementById('local').srcObject.getTracks())")
    gives_way(stack, alice, survivor="a-call-that-is-over")
    alice.sees("You called each other")
    until(lambda: alice.tab.js("window.filmed.every(({ readyState }) => readyState === 'ended')"), "the camera is off")


def test_a_call_that_another_tab_of_the_same_person_answers_stops_ringing_here(
    window: Browsers, meet: Meet, stack: RunningStack
) -> None:
    [alice] = meet("chromium")
    email = f"bob-{time.time_ns()}@example.com"
    here = window.someone()
    here.sign_in_as(stack.hosting, email, button="Create account")
    there = Someone(window.beside(here.tab), here.name)
    there.sign_in_as(stack.hosting, email, button="Sign in")
    assert here.uid == there.uid

    alice.call(here)
    here.rings()
    there.rings()
    there.answer()
    here.sees("answered on another device")
    assert not here.is_rung
    for someone in (alice, there):
        someone.is_in("Connected")
        someone.gets()


def test_a_duplicated_tab_is_another_device_of_the_same_person(
    window: Browsers, meet: Meet, stack: RunningStack
) -> None:
    alice, bob = meet()
    twin = Someone(window.beside(alice.tab), alice.name)
    assert isinstance(twin.tab, ChromiumTab)
    copied = alice.tab.js("JSON.stringify({ ...sessionStorage })")  # as a browser does
    twin.tab.page.add_init_script(f"if (sessionStorage.length === 0) Object.assign(sessionStorage, {copied});")
    twin.tab.open(stack.hosting)
    twin.sees("Your call link")
    device = "sessionStorage.getItem('webrtc-lite.device')"
    assert twin.tab.js(device) != alice.tab.js(device)

    bob.call(alice)
    alice.rings()
    twin.answer()
    alice.sees("answered on another device")
    for someone in (bob, twin):
        someone.is_in("Connected")


# ---- Before and after


def test_signing_out_hangs_up(meet: Meet, stack: RunningStack) -> None:
    alice, bob = meet()
    talking(alice, bob)
    assert isinstance(alice.tab, ChromiumTab)
    alice.tab.js("document.getElementById('sign-out').click()")
    alice.sees("Continue as guest")
    bob.is_in("Call ended")
    ended(stack, alice, "hangup")


def test_the_call_of_a_tab_that_was_closed_is_hung_up_at_the_next_start(
    window: Browsers, meet: Meet, stack: RunningStack
) -> None:
    [bob] = meet("chromium")
    email = f"alice-{time.time_ns()}@example.com"
    crashed = window.someone()
    crashed.sign_in_as(stack.hosting, email, button="Create account")
    talking(crashed, bob)
    next_start = Someone(window.beside(crashed.tab), crashed.name)
    assert isinstance(crashed.tab, ChromiumTab)
    crashed.tab.page.close()
    next_start.sign_in_as(stack.hosting, email, button="Sign in")
    bob.is_in("Call ended")
    ended(stack, crashed, "hangup")


def test_two_tabs_of_one_browser_are_two_people(window: Browsers, meet: Meet, stack: RunningStack) -> None:
    [alice] = meet("chromium")
    bob = Someone(window.beside(alice.tab), "Bob Beside")
    bob.sign_in(f"{stack.hosting}/?relay=only")
    assert bob.uid != alice.uid
    talking(alice, bob)


def test_a_call_link_names_its_owner_and_calls_them(window: Browsers, meet: Meet) -> None:
    [alice] = meet("chromium")
    link = alice.tab.js("document.getElementById('link').textContent")
    bob = window.someone()
    bob.tab.open(link)
    bob.sees(f"{alice.name} would like you to call")
    bob.tab.js("document.getElementById('name').value = 'Bob'")
    bob.tab.click("Continue as guest")
    bob.tab.click("Video call")
    alice.rings()
    alice.sees("Bob")


# ---- What a person reads when something is wrong


def test_signing_in_says_what_is_wrong(window: Browsers, stack: RunningStack) -> None:
    someone = window.someone()
    email = f"ada-{time.time_ns()}@example.com"
    someone.sign_in_as(stack.hosting, email, button="Create account")
    someone.tab.click("Sign out")
    someone.sees("Continue as guest")

    def tries(button: str, address: str, password: str) -> None:
        for field_id, value in (("email", address), ("password", password)):
            someone.tab.js(f"document.getElementById('{field_id}').value = {value!r}")
        someone.tab.click(button)

    tries("Sign in", email, "wrong password")
    someone.sees("That e-mail address and password do not belong together.")
    tries("Create account", email, "another password")
    someone.sees("There is an account for this e-mail address. Sign in instead.")
    tries("Create account", "nobody", "long enough")
    someone.sees("That is not an e-mail address.")
    tries("Create account", f"new-{email}", "short")
    someone.sees("Choose a password of at least six characters.")
    tries("Sign in", email, "a long password")
    someone.sees("Your call link")


def test_what_cannot_be_called_is_not_called(meet: Meet) -> None:
    [alice] = meet("chromium")
    own = alice.tab.js("document.getElementById('link').textContent")
    for pasted, words in (
        (own, "That is your own link."),
        (f"  {alice.uid}  ", "That is your own link."),
        ("two words", "Paste a call link first"),
        ("https://example.com/some/page", "Paste a call link first"),
        ("", "Paste a call link first"),
    ):
        alice.tab.js("document.getElementById('alert-close').click()")
        alice.tab.js(f"document.getElementById('callee').value = {pasted!r}")
        alice.tab.click("Video call")
        alice.sees(words)
    assert alice.state == ""


def test_a_name_is_shown_as_it_was_typed_and_is_never_part_of_the_page(meet: Meet) -> None:
    def as_a_nuisance(someone: Someone) -> None:
        someone.name = "<img src=x onerror=alert(1)> 👩‍🚀"

    [nuisance] = meet("chromium", before=as_a_nuisance)
    [bob] = meet("chromium")
    nuisance.call(bob)
    bob.rings()
    bob.sees(nuisance.name)
    assert bob.tab.js("document.querySelectorAll('img').length") == 0


def test_answering_without_a_microphone_is_explained_where_it_rings_and_can_be_tried_again(meet: Meet) -> None:
    alice, bob = meet()
    bob.tab.js(
        "{ window.real = navigator.mediaDevices.getUserMedia; void ("
        "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', 'NotAllowedError'); }) }"
    )
    alice.call(bob)
    bob.answer()
    words = "document.querySelector('#incoming [role=alert]').innerText"
    until(lambda: "may not use your microphone" in bob.tab.js(words), "an explanation in the dialog")
    bob.tab.js("void (navigator.mediaDevices.getUserMedia = window.real)")
    bob.tab.click("Answer")
    for someone in (alice, bob):
        someone.is_in("Connected")


REFUSES_TO_PLAY = """
window.refuses = true;
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  return window.refuses ? Promise.reject(new DOMException("", "NotAllowedError")) : play.call(this);
};
"""


def test_a_call_that_the_browser_will_not_play_is_heard_after_a_touch(meet: Meet) -> None:
    def untouched(someone: Someone) -> None:
        assert isinstance(someone.tab, ChromiumTab)
        someone.tab.page.add_init_script(REFUSES_TO_PLAY)

    [alice] = meet("chromium", before=untouched)
    [bob] = meet("chromium")
    talking(alice, bob)
    alice.sees("Tap to hear the call")
    alice.tab.js("void (window.refuses = false)")
    alice.tab.click("Tap to hear the call")
    until(lambda: "Tap to hear the call" not in alice.text, "it plays")


def test_a_page_that_comes_back_without_a_microphone_hangs_up_its_call(meet: Meet) -> None:
    alice, bob = meet()
    talking(alice, bob)
    assert isinstance(alice.tab, ChromiumTab)
    alice.tab.page.add_init_script(
        "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', 'NotAllowedError'); }"
    )
    alice.tab.reload()
    alice.sees("may not use your microphone or camera")
    for someone in (alice, bob):
        someone.is_in("Connection failed")


def test_a_caller_who_was_blocked_is_told_and_rings_nobody_until_let_in_again(meet: Meet) -> None:
    alice, bob = meet()
    alice.call(bob)
    bob.rings()
    bob.tab.click("Decline and block")
    alice.is_in("Call declined")
    alice.tab.click("Done")
    alice.call(bob)
    alice.sees("This call was not allowed.")
    alice.is_in("The call was not placed")
    assert not bob.is_rung
    alice.tab.click("Done")
    bob.sees("Blocked people")
    bob.sees(f"Blocked people\n{alice.name}\nUnblock")
    bob.tab.click(f"Unblock {alice.name}")
    bob.sees(f"{alice.name} can call you again.")
    # The button that had the focus is gone: who goes on by keyboard does so from here, and not from the top.
    until(lambda: bob.tab.js("document.activeElement.id") == "settings-title", "the focus on the settings")
    alice.call(bob)
    bob.rings()


@pytest.mark.parametrize("kind", BROWSERS)
def test_a_microphone_that_was_refused_is_explained(meet: Meet, kind: str) -> None:
    alice, bob = meet(kind, kind)
    alice.tab.js(
        "void (navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', 'NotAllowedError'); })"
    )
    alice.call(bob)
    alice.sees("may not use your microphone or camera")
    alice.is_in("The call was not placed")
    assert not bob.is_rung


def test_a_call_without_a_network_is_not_placed_and_not_placed_later_either(meet: Meet) -> None:
    alice, bob = meet()
    alice.tab.set_offline(True)
    alice.call(bob)
    alice.sees("You are offline. Check your connection")
    alice.tab.set_offline(False)
    time.sleep(3)
    assert not bob.is_rung


def test_a_deployment_without_a_relay_says_so(meet: Meet) -> None:
    refusal = {"status": "FAILED_PRECONDITION", "message": "none", "details": {"code": "relay_not_configured"}}

    def refuse(someone: Someone) -> None:
        assert isinstance(someone.tab, ChromiumTab)
        anyone = {"Access-Control-Allow-Origin": "*"}
        someone.tab.page.route(
            "**/issue_turn_credentials",
            lambda route: route.fulfill(status=400, headers=anyone, json={"error": refusal}),
        )

    alice, bob = meet(before=refuse)
    alice.call(bob)
    alice.sees("No relay is available right now")
    assert not bob.is_rung
