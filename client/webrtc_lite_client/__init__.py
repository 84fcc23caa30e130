"""A headless caller: what a Kotlin or Swift client does with WebRTC-Lite, in Python on aiortc.

    backend.py      where Auth, the functions and Firestore are
    firebase.py     an account, and a callable function
    firestore.py    Firestore as that account: every read, write and listen passes the rules
    signalling.py   what one side says about a call: the documents of SPEC 3.1, 3.2 and 3.4
    candidates.py   ICE candidates out of a description, into batches, and out of them again
    peer.py         the peer connection: relayed audio and data, and proof that both arrive
    call.py         the two roles, caller and callee, step by step
    smoke.py        one call between two new people, and the report of it
    timeline.py     when each step was done

Read call.py first: all the others are its words.
"""
