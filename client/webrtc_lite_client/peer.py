"""One side's peer connection: everything through the relay, a tone and a data channel as proof that both ways work.

What aiortc does otherwise than a browser, and what is done about it here:

- It reports no TURN failure: a relay that is down or refuses is a gathering without candidates. `relay.probe` asks why.
- It notices a dead connection after half a minute, and knows no `disconnected`: here, nothing for six seconds is lost.
- It gathers all candidates before it gives a description away: see candidates.py.
- It forgets an allocation whose gathering is cancelled: here gathering goes on to its end, and then it is given back.
- It uses the first TURN server of its configuration only, and without any configuration Google's STUN server.
- With max-bundle, a data channel that is made before the first track leaves the connection without a transport.
- It closes a connection whose other side has closed, and then has forgotten which candidates won: `pair` keeps them.
- It cannot restart ICE: call.py reconnects with a new connection.

`PaperPeer` is a peer connection on paper: it describes itself and sends nothing, for calls that are about signalling.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from array import array
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from typing import Literal, Protocol

from aiortc import (
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
from aiortc.sdp import candidate_from_sdp
from av import AudioFrame

from webrtc_lite_client.candidates import Candidate, split
from webrtc_lite_client.descriptions import paper
from webrtc_lite_client.problem import Exit, Problem
from webrtc_lite_client.relay import UNAUTHORIZED, Relay, Standing, probe
from webrtc_lite_client.waiting import Changing

CHANNEL = "webrtc-lite"
FRAME_S = 0.020  # aiortc's packet time
TONE_HZ = 400  # a whole number of waves in each frame, so that frames join without a click
SAMPLE_RATE = 8000
WAVE = array(
    "h", (round(10_000 * math.sin(math.tau * TONE_HZ * i / SAMPLE_RATE)) for i in range(round(FRAME_S * SAMPLE_RATE)))
).tobytes()
LOUD = 1000  # of 32767: well above what a codec makes of silence, well below the tone
SILENT_S = 6.0  # RTCP comes at least every five seconds from whoever is there (RFC 3550, 6.2)
LOOK_EVERY_S = 1.0
CONNECTED, FAILED = ("completed", "connected"), ("failed", "closed")

type Connection = Literal["connecting", "connected", "lost"]
type Described = tuple[str, list[Candidate]]


class AnyPeer(Protocol):
    """What a call needs of a peer connection."""

    @property
    def state(self) -> Connection: ...
    @property
    def pair(self) -> str: ...
    @property
    def missing(self) -> str: ...
    async def offer(self) -> Described: ...
    async def answer(self, offer: str) -> Described: ...
    async def take_answer(self, answer: str) -> None: ...
    async def add(self, candidate: Candidate) -> None: ...
    def prove(self, seconds: float) -> bool: ...
    async def close(self) -> None: ...


type MakePeer = Callable[[Relay, Callable[[str], None], Callable[[], None]], AnyPeer]


class RefusedCredential(Problem):
    """The relay says 401: what a browser tells with `onicecandidateerror`."""


class Tone(MediaStreamTrack):
    """A sine wave where aiortc's own track is silent: silence is also what a decoder makes of nothing.

    `sparse`: of so many frames one is sent, which is as good a proof and costs a loaded machine less.
    """

    kind = "audio"

    def __init__(self, sparse: int = 1) -> None:
        super().__init__()
        self._sparse = sparse
        self._sent = 0
        self._began = 0.0

    async def recv(self) -> AudioFrame:
        loop = asyncio.get_running_loop()
        if self._sent == 0:
            self._began = loop.time()
        await asyncio.sleep(self._began + self._sent * FRAME_S * self._sparse - loop.time())
        if self.readyState != "live":
            raise MediaStreamError
        frame = AudioFrame(format="s16", layout="mono", samples=len(WAVE) // 2)
        frame.planes[0].update(WAVE)
        frame.pts = self._sent * self._sparse * frame.samples
        frame.sample_rate, frame.time_base = SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
        self._sent += 1
        return frame


class Peer(Changing):
    """Marks its steps when they happen, and tells of every change."""

    def __init__(
        self, relay: Relay, mark: Callable[[str], None], told: Callable[[], None] = lambda: None, sparse: int = 1
    ) -> None:
        super().__init__()
        self.relay = relay
        self.heard_frames = 0  # with the tone in them
        self.echoed = False  # what this side sent came back
        self.satisfied = False  # the other side has said that it got everything
        self.pair = ""  # the kinds of the two candidates that won, local first; kept here from when they do
        self._said_satisfied = False
        self._mark = mark
        self._told = told
        self._sparse = sparse
        self._silent = False
        self._tasks: list[asyncio.Task[None]] = []
        self._gathering: asyncio.Task[None] | None = None
        self._channel: RTCDataChannel | None = None
        self._nonce = secrets.token_hex(8)
        self._connection = RTCPeerConnection(
            RTCConfiguration(
                iceServers=[RTCIceServer(relay.uri, relay.username, relay.password)],
                iceTransportPolicy=RTCIceTransportPolicy.RELAY,
                bundlePolicy=RTCBundlePolicy.MAX_BUNDLE,
            )
        )
        self._connection.addTrack(Tone(sparse))
        self._connection.on("track", self._on_track)
        self._connection.on("datachannel", self._on_channel)
        self._connection.on("iceconnectionstatechange", self._on_ice)

    def changed(self) -> None:
        super().changed()
        self._told()

    @property
    def state(self) -> Connection:
        ice = self._connection.iceConnectionState
        if ice in FAILED or self._silent:
            return "lost"
        return "connected" if ice in CONNECTED else "connecting"

    # ---- Descriptions and candidates

    async def offer(self) -> Described:
        self._on_channel(self._connection.createDataChannel(CHANNEL))
        return await self._describe()

    async def answer(self, offer: str) -> Described:
        await self._take(RTCSessionDescription(offer, "offer"))
        return await self._describe()

    async def take_answer(self, answer: str) -> None:
        await self._take(RTCSessionDescription(answer, "answer"))

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

    async def _take(self, description: RTCSessionDescription) -> None:
        try:
            await self._connection.setRemoteDescription(description)
        except Exception as error:  # noqa: BLE001  as above
            raise Problem(f"aiortc does not take the {description.type}: {type(error).__name__}, {error}") from None

    async def _describe(self) -> Described:
        self._gathering = asyncio.create_task(self._connection.setLocalDescription())
        await asyncio.shield(self._gathering)
        sdp, candidates = split(self._connection.localDescription.sdp)
        if not any(" typ relay " in each["candidate"] for each in candidates):
            raise no_candidate(await probe(self.relay))
        return sdp, candidates

    # ---- Proof

    def prove(self, seconds: float) -> bool:
        """Whether both sides got enough: data came back, and so much of the other's tone was heard. Tells the other."""
        enough = self.echoed and self.heard_frames >= max(1, round(seconds / FRAME_S / self._sparse))
        if enough and not self._said_satisfied and self._channel is not None:
            self._said_satisfied = True
            self._channel.send("satisfied")
        return enough and self.satisfied

    @property
    def missing(self) -> str:
        """What has not come, for who waited in vain."""
        if not self.echoed:
            return "no data came back through the relay"
        if not self.heard_frames:
            return "no audio came through the relay"
        return "too little audio came" if self.satisfied else "the other side did not get data and audio"

    async def close(self) -> None:
        if self._gathering is not None:
            await asyncio.wait([self._gathering])
        await self._connection.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ---- What aiortc tells

    def _on_ice(self) -> None:
        if self._connection.iceConnectionState in CONNECTED and not self.pair:
            self.pair = self._winners()
            self._mark("ice connected")
            self._tasks.append(asyncio.create_task(self._notice_silence()))
        self.changed()

    def _winners(self) -> str:
        transceiver = self._connection.getTransceivers()[0]  # all are bundled
        ice = transceiver.receiver.transport.transport._connection  # noqa: SLF001  its statistics leave the pair out
        winner = ice._nominated[1]  # noqa: SLF001
        return f"{winner.local_candidate.type}/{winner.remote_candidate.type}"

    async def _notice_silence(self) -> None:
        received, since = -1, 0.0
        while True:
            now, before = asyncio.get_running_loop().time(), received
            received = await self._received()
            since = now if received != before else since
            silent = now - since >= SILENT_S
            if silent != self._silent:
                self._silent = silent
                self.changed()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _received(self) -> int:
        """Packets of media, data and their reports; ICE's own checks are not among them."""
        report = await self._connection.getTransceivers()[0].sender.getStats()
        return sum(each.packetsReceived for each in report.values() if each.type == "transport")

    def _on_track(self, track: MediaStreamTrack) -> None:
        self._tasks.append(asyncio.create_task(self._listen(track)))

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


def no_candidate(standing: Standing) -> Problem:
    """What aiortc does not say: why its relay gave no candidate."""
    kind = RefusedCredential if standing.code == UNAUTHORIZED else Problem
    why = standing.problem or "it gave an allocation now, and none before"
    hint = "`smoke` looks at every relay by itself, and says what to do about it."
    return kind(f"No candidate of the relay {standing.uri}: {why}.", hint, Exit.RELAY)


class PaperPeer:
    """Connected as soon as both sides are described and a candidate has come: the signalling has done all it can."""

    pair = "paper"
    missing = ""

    def __init__(self, _relay: Relay, mark: Callable[[str], None], told: Callable[[], None]) -> None:
        self._mark = mark
        self._told = told
        self._described = False
        self._reached = False
        self._closed = False

    @property
    def state(self) -> Connection:
        if self._closed:
            return "lost"
        return "connected" if self._described and self._reached else "connecting"

    async def offer(self) -> Described:
        return paper("actpass", secrets.token_hex)

    async def answer(self, offer: str) -> Described:
        await self.take_answer(offer)
        return paper("active", secrets.token_hex)

    async def take_answer(self, answer: str) -> None:  # noqa: ARG002
        self._described = True
        self._tell()

    async def add(self, candidate: Candidate) -> None:
        if candidate["candidate"]:
            self._reached = True
            self._tell()

    def prove(self, seconds: float) -> bool:  # noqa: ARG002
        return True

    async def close(self) -> None:
        self._closed = True

    def lose(self) -> None:
        """As if the network had gone."""
        self._closed = True
        self._told()

    def _tell(self) -> None:
        if self.state == "connected":
            self._mark("ice connected")
        self._told()
