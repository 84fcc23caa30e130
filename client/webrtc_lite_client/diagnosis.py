"""What a reply or a relay's answer says about a deployment, and what is to be done about it. Pure."""

from __future__ import annotations

from webrtc_lite_client.credentials import ISSUE, Issued
from webrtc_lite_client.problem import Exit, Problem
from webrtc_lite_client.relay import FULL, QUOTA, UNAUTHORIZED, Standing

CLOCKS_AGREE_S = 30.0  # half of what a credential lives beyond its stated end (SPEC 3.5)
CERTIFICATE_DAYS = 14  # below that the probe of the back end warns as well
LOOK = "`make relay-check` attacks the relay from outside; on its VM: `journalctl -u coturn`."


def compare(issued: Issued, server_now: float) -> None:
    """What SPEC 3.5 says of a reply, and whether its clock is that of the answers around it."""
    expiry, _, name = issued.username.partition(":")
    wrong = {
        "no uris": not issued.uris,
        "a username that is not <unix expiry>:<uid>": not (expiry.isdecimal() and name),
        "expires_at is not server_time + ttl": issued.expires_at != issued.server_time + issued.ttl,
        "refresh_at is not before expires_at": not issued.server_time < issued.refresh_at < issued.expires_at,
    }
    found = [what for what, is_so in wrong.items() if is_so]
    if found:
        raise Problem(f"The reply of {ISSUE} is not that of SPEC 3.5: {found[0]}.", ends=Exit.FUNCTIONS)
    apart = issued.server_time - server_now
    if abs(apart) > CLOCKS_AGREE_S:
        raise Problem(
            f"The clock of {ISSUE} is {abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} that of Auth.",
            "Credentials then end at another time than they say. Set the clock of the machine that runs the functions.",
            Exit.FUNCTIONS,
        )


def good_news(standing: Standing) -> str:
    days = standing.certificate_days
    certificate = f", certificate good for {days} days" if days is not None else ""
    return f"{standing.uri}: allocation in {standing.took_ms:.0f} ms{certificate}"


def relay_problem(failed: Standing, longer: Standing | None, count: int, of: int) -> Problem:
    """What the first bad URI says, and what to do. `longer`: how it took the longest-lived credential, after a 401."""
    said = f"{failed.uri}: {failed.problem}." + (f" {count} of {of} URIs fail." if of > 1 else "")
    if failed.code == UNAUTHORIZED and longer is not None and not longer.problem:
        return Problem(
            f"{failed.uri} takes a credential for a day, and none for an hour: its clock is ahead of the functions'.",
            "Set the relay's clock (`timedatectl` on its VM) and keep it set; it counts a credential's end by its own.",
            Exit.RELAY,
        )
    if failed.code == UNAUTHORIZED:
        hint = (
            "The functions sign with a secret that the relay does not know. `make rotate-cloud PROJECT=...` says which"
            " step a rotation is at; locally `make rotate`."
        )
    elif failed.code in (QUOTA, FULL):
        hint = (
            "Its quota is used up: user-quota, total-quota, bps-capacity or the ports of the relay, in turnserver.conf."
            " Calls that run go on; new ones find no relay. A relay more: infra/README.md."
        )
    elif "certificate" in failed.problem:
        hint = "Renew it: on the relay's VM `systemctl status certbot.timer`; infra/README.md. turn: goes on without."
    elif "open relay" in failed.problem:
        hint = "Stop it now: it relays for anybody. Compare turnserver.conf with infra/coturn. " + LOOK
    else:
        hint = "Is Coturn running there, and does a firewall let its port through? " + LOOK
    return Problem(said, hint, Exit.RELAY)
