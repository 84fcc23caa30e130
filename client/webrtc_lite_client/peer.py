"""One side's peer connection: everything through the relay, a tone and a data channel as proof that both ways work.

What aiortc does otherwise than a browser, and what is done about it here:

- It reports no TURN failure: a relay that is down or refuses is a gathering without candidates. `relay_trouble` asks.
- It gathers all candidates before it gives a description away: see candidates.py.
- It uses the first TURN server of its configuration only, and without any configuration Google's STUN server.
- With max-bundle, a data channel that is made before the first track leaves the connection without a transport.
- It closes a connection whose other side has closed, and then has forgotten which candidates won: `pair` keeps them.
- It cannot restart ICE.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from array import array
from collections.abc import Callable
from contextlib import suppress

from aioice import stun, turn
from aiortc import (
    AudioStreamTrack,
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcconfiguration import RTCIceTransportPolicy
from aiortc.rtcicetransport import parse_stun_turn_uri
from aiortc.sdp import candidate_from_sdp
from av import AudioFrame

from webrtc_lite_client.candidates import Candidate, split
from webrtc_lite_client.firebase import Relay
from webrtc_lite_client.problem import Problem
from webrtc_lite_client.waiting import Changing

CHANNEL = "webrtc-lite"
FRAME_S = 0.020  # aiortc's packet time
TONE_HZ = 400  # a whole number of waves in each frame, so that frames join without a click
LOUD = 1000  # of 32767: well above what a codec makes of silence, well below the tone
RELAY_WITHIN_S = 3.0
CONNECTED, FAILED = ("completed", "connected"), ("failed", "closed")


class Tone(AudioStreamTrack):
    """A sine wave where aiortc's own track is silent: silence is also what a decoder makes of nothing."""

    async def recv(self) -> AudioFrame:
        frame = await super().recv()
        assert isinstance(frame, AudioFrame)  # noqa: S101  the type of AudioStreamTrack's frames
        wave = (10_000 * math.sin(math.tau * TONE_HZ * i / frame.sample_rate) for i in range(frame.samples))
        frame.planes[0].update(array("h", map(int, wave)).tobytes())
        return frame


class Peer(Changing):
    """Marks its steps when they happen; others wait for its state with `until`."""

    def __init__(self, relay: Relay, mark: Callable[[str], None]) -> None:
        super().__init__()
        self.relay = relay
        self.heard_frames = 0  # with the tone in them
        self.echoed = False  # what this side sent came back
        self.satisfied = False  # the other side has said that it got everything
        self.pair = ""  # the kinds of the two candidates that won, local first; kept here from when they do
        self._mark = mark
        self._listening: list[asyncio.Task[None]] = []
        self._channel: RTCDataChannel | None = None
        self._nonce = secrets.token_hex(8)
        self._connection = RTCPeerConnection(
            RTCConfiguration(
                iceServers=[RTCIceServer(relay.uri, relay.username, relay.password)],
                iceTransportPolicy=RTCIceTransportPolicy.RELAY,
                bundlePolicy=RTCBundlePolicy.MAX_BUNDLE,
            )
        )
        self._connection.addTrack(Tone())
        self._connection.on("track", self._on_track)
        self._connection.on("datachannel", self._on_channel)
        self._connection.on("iceconnectionstatechange", self._on_ice)

    @property
    def described(self) -> bool:
        """The other side's description is set: from here on its candidates can be added."""
        return self._connection.remoteDescription is not None

    @property
    def ice_state(self) -> str:
        return self._connection.iceConnectionState

    async def offer(self) -> tuple[str, list[Candidate]]:
        self._on_channel(self._connection.createDataChannel(CHANNEL))
        return await self._describe()

    async def answer(self, offer: str) -> tuple[str, list[Candidate]]:
        await self._connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        self.changed()
        return await self._describe()

    async def take_answer(self, answer: str) -> None:
        await self._connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        self.changed()

    async def add(self, candidate: Candidate) -> None:
        """Adds a candidate of the other side; one that does not parse is ignored (SPEC 3.2)."""
        if not candidate["candidate"]:
            await self._connection.addIceCandidate(None)
            return
        try:
            parsed = candidate_from_sdp(candidate["candidate"].removeprefix("candidate:"))
        except Exception:  # noqa: BLE001  aiortc's parser raises whatever it stumbles over
            return
        parsed.sdpMid, parsed.sdpMLineIndex = candidate["sdpMid"], candidate["sdpMLineIndex"]
        await self._connection.addIceCandidate(parsed)

    async def until_connected(self) -> None:
        await self.until(lambda: self.ice_state in CONNECTED + FAILED)
        if self.ice_state in FAILED:
            raise Problem(
                f"ICE {self.ice_state}: relay candidates were exchanged, and no pair of them works.",
                "A relay that may not send to itself refuses this: see allowed-peer-ip in turnserver.conf.",
            )

    async def until_heard(self, seconds: float) -> None:
        """So much more of the other side's tone."""
        enough = self.heard_frames + max(1, round(seconds / FRAME_S))
        await self.until(lambda: self.heard_frames >= enough)

    def say_satisfied(self) -> None:
        assert self._channel is not None  # noqa: S101  it echoed
        self._channel.send("satisfied")

    async def close(self) -> None:
        await self._connection.close()
        for listening in self._listening:
            listening.cancel()
        await asyncio.gather(*self._listening, return_exceptions=True)

    async def _describe(self) -> tuple[str, list[Candidate]]:
        await self._connection.setLocalDescription()
        sdp, candidates = split(self._connection.localDescription.sdp)
        if not any(" typ relay " in each["candidate"] for each in candidates):
            raise Problem(
                f"No candidate of the relay {self.relay.uri}: {await relay_trouble(self.relay)}.",
                "Is Coturn running there, with the secret that the functions sign with?",
            )
        return sdp, candidates

    def _winners(self) -> str:
        [transceiver] = self._connection.getTransceivers()
        ice = transceiver.receiver.transport.transport._connection  # noqa: SLF001  its statistics leave the pair out
        winner = ice._nominated[1]  # noqa: SLF001
        return f"{winner.local_candidate.type}/{winner.remote_candidate.type}"

    def _on_ice(self) -> None:
        if self.ice_state in CONNECTED:
            self.pair = self._winners()
            self._mark("ice connected")
        self.changed()

    def _on_track(self, track: MediaStreamTrack) -> None:
        self._listening.append(asyncio.create_task(self._listen(track)))

    async def _listen(self, track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):  # the track's end
            while True:
                frame = await track.recv()
                if isinstance(frame, AudioFrame) and max(array("h", bytes(frame.planes[0]))) > LOUD:
                    self.heard_frames += 1
                    if self.heard_frames == 1:
                        self._mark("first audio")
                    self.changed()

    def _on_channel(self, channel: RTCDataChannel) -> None:
        self._channel = channel

        @channel.on("message")
        def on_message(message: str | bytes) -> None:
            match str(message).split():
                case ["ping", nonce]:
                    channel.send(f"pong {nonce}")
                case ["pong", self._nonce]:
                    self.echoed = True
                    self._mark("data echoed")
                case ["satisfied"]:
                    self.satisfied = True
            self.changed()

        def ping() -> None:
            channel.send(f"ping {self._nonce}")

        if channel.readyState == "open":
            ping()
        else:
            channel.on("open", ping)


async def relay_trouble(relay: Relay) -> str:
    """Why a relay gives no candidate: the answer to an allocation, asked for once more and by hand."""
    server = parse_stun_turn_uri(relay.uri)
    try:
        async with asyncio.timeout(RELAY_WITHIN_S):
            transport, _ = await turn.create_turn_endpoint(
                asyncio.DatagramProtocol,
                server_addr=(server["host"], server["port"]),
                username=relay.username,
                password=relay.password,
                ssl=server["scheme"] == "turns",
                transport=server["transport"],
            )
    except TimeoutError:
        return f"it did not answer within {RELAY_WITHIN_S:g} s"
    except stun.TransactionFailed as refused:
        return f"it refused the credential, {stun_error(refused)}"
    except (OSError, stun.TransactionError) as error:
        return f"it cannot be reached, {error}"
    transport.close()
    return "it gave an allocation now, and none before"


def stun_error(refused: stun.TransactionFailed) -> str:
    code, reason = refused.response.attributes["ERROR-CODE"]
    return f"{code} {reason}".strip()
