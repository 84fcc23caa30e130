"""Why the validator and Chromium may disagree: by our code, and by the beginning of Chromium's words."""

RFC = "The RFC forbids it and no engine writes it; libwebrtc reads past it, others do not."
WEAK = "SPEC 4 refuses it: what is not checked by DTLS is not safe, even where an engine would go on without."
CANDIDATE = (
    "Chromium drops or repairs such a candidate and goes on with the others; an app that sends one has a bug to find."
)

WE_REFUSE = {
    "sdp_control_character": "A line may hide behind it from one program and not from another (SPEC 4).",
    "sdp_contradiction": "Two engines may each believe another of the two lines; libwebrtc believes the last.",
    "sdp_line_order": "RFC 8866 5. What stands in the wrong part is read past, so it does not do what it says.",
    "sdp_payload_type_twice": "libwebrtc believes the last line, others the first: they would decode different codecs.",
    "sdp_bundle_unknown_mid": "SPEC 4. Chromium leaves the unknown mid out, others leave out the group.",
    "sdp_too_large": "It does not fit into the document (SPEC 3.1).",
    "sdp_too_many_sections": "SPEC 4.",
    "sdp_no_media": "A call without any media is none.",
    "sdp_unsupported_media": "SPEC 4. Chromium takes the section and rejects it in its answer.",
    "sdp_unsupported_protocol": "SPEC 4 and RFC 8827 6.5. Chromium takes any protocol for DTLS.",
    "sdp_sdes": "SPEC 4: keys in the clear stand in the document, whether or not they are used.",
    "sdp_half_ice_restart": "RFC 8839 4.4.1.1.1. Chromium takes it for a restart, others do not.",
    "sdp_half_new_connection": "SPEC 4. The DTLS handshake with the other side then fails.",
    "sdp_section_replaced": "RFC 3264 8.",
    "sdp_section_kind": "RFC 3264 6.",
    "sdp_answer_direction": "RFC 3264 6.1. Chromium cuts the direction down to what it offered.",
    "sdp_malformed_setup": "RFC 8842 5.1. Chromium reads past holdconn and the like.",
    "sdp_line_too_long": "SPEC 4.",
    **dict.fromkeys(
        (
            "sdp_malformed_line", "sdp_malformed_attribute", "sdp_unknown_line", "sdp_repeated_line", "sdp_no_version",
            "sdp_no_timing", "sdp_malformed_timing", "sdp_malformed_origin", "sdp_malformed_connection",
            "sdp_malformed_mid", "sdp_malformed_payload_type", "sdp_repeated_mid", "sdp_bundled_twice",
            "sdp_empty_session_name",
            "sdp_malformed_media", "sdp_no_origin", "sdp_no_session_name", "sdp_lone_surrogate",
        ),
        RFC,
    ),
    **dict.fromkeys(
        ("sdp_no_setup", "sdp_offer_setup", "sdp_reoffer_setup", "sdp_answer_setup", "sdp_answer_role"),
        "SPEC 4. Chromium takes a default where the role is missing or wrong; other engines wait for each other.",
    ),
    **dict.fromkeys(("sdp_weak_fingerprint", "sdp_malformed_fingerprint", "sdp_no_fingerprint"), WEAK),
    **dict.fromkeys(
        ("sdp_no_ice_ufrag", "sdp_no_ice_pwd", "sdp_malformed_ice_ufrag", "sdp_malformed_ice_pwd", "sdp_no_rtcp_mux"),
        "SPEC 4. In a bundle Chromium looks at the first section's transport only; outside of one nothing connects.",
    ),
    **dict.fromkeys(
        (
            "sdp_malformed_candidate", "sdp_candidate_foundation", "sdp_candidate_component", "sdp_candidate_transport",
            "sdp_candidate_tcptype", "sdp_candidate_priority", "sdp_candidate_address", "sdp_candidate_port",
            "sdp_candidate_unusable_address", "sdp_candidate_type", "sdp_candidate_extension", "sdp_candidate_related",
        ),
        CANDIDATE,
    ),
}  # fmt: skip

CODECS = (
    "Codecs, their parameters and header extensions are the engines' own business: what one does not know, another may."
)
NO_CODEC = "A payload type without an a=rtpmap: engines differ in which they know without one. " + CODECS
UNKNOWN = "An attribute that this server does not look at (SPEC 4: unknown attributes are always accepted)."

THEY_REFUSE = {
    "Failed to parse codecs": NO_CODEC,
    "Invalid value": UNKNOWN,
    "Failed to get": UNKNOWN,
    "Failed to set remote video description send": "The sources of the section (ssrc, ssrc-group): " + CODECS,
    "Failed to set remote audio description send": "The sources of the section (ssrc, ssrc-group): " + CODECS,
    "Failed to add remote stream": "The sources of the section (ssrc, ssrc-group): " + CODECS,
    "Failed to set up": "The sources of the section (ssrc, ssrc-group): " + CODECS,
    "Expected format": UNKNOWN,
    "Expects at least": UNKNOWN,
    "Expects N fields": UNKNOWN,
    "Expected a stream ID": UNKNOWN,
    "codec collision": CODECS,
    "header extension": CODECS,
    "RTP extension ID": CODECS,
    "Duplicate statically assigned": CODECS,
    "The m= section with mid=": "The group starts with a section that is rejected. Servers leave its mid in the group.",
    "Failed to create fingerprint": "A hash unknown to Chromium beside one that everybody knows: RFC 8122 5 has it "
    "passed over, so that a new hash can be introduced.",
    "Can't have multiple fingerprint": "RFC 8122 5 allows several at session level too; libwebrtc does in sections.",
    "Duplicate a=mid value": "A section without a mid: Chromium gives it one, which another section has.",
    "(nothing)": "The last line has no end, and nothing stands in it.",
    "Invalid SDP line": "The last line has no end. libwebrtc misses it; others do not, and a client adds it.",
    "rtcp-mux must be enabled": "RFC 8829 5.2.1 has it only where the BUNDLE group starts; Chromium wants it in each.",
    "Invalid SCTP": UNKNOWN,
    "Invalid network-id": "An extension of candidates that is libwebrtc's own.",
    "Invalid network-cost": "An extension of candidates that is libwebrtc's own.",
    "The a=extmap MUST": CODECS,
    "Two different track IDs": UNKNOWN,
    "sctp-port attribute": UNKNOWN,
}
