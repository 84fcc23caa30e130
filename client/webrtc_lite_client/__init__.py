"""A headless caller: what a Kotlin or Swift client does with WebRTC-Lite, in Python on aiortc.

What is decided, without a clock or a network (time is an argument, what to do is a result):

    session.py        a session as a participant reads it; how it ended, how long it rings, what a crash has left
    rounds.py         the next step of offer and answer
    reconnection.py   when a lost connection is tried anew, and when given up
    lease.py          when a sign of life is due
    candidates.py     ICE candidates out of a description, into batches, and out of them again
    descriptions.py   whether a re-offer starts anew; descriptions on paper
    diagnosis.py      what a reply or a relay's answer says of a deployment, and what to do about it
    indexes.py        whether firestore.indexes.json has every index
    problem.py        what went wrong, and the exit codes

What touches the world:

    backend.py        where Auth, the functions and Firestore are
    firebase.py       accounts, and the callable function
    credentials.py    relay credentials, kept for as long as they are good
    firestore.py      Firestore as a user: every read, write and listen passes the rules
    signalling.py     what one side says about a call: the documents of SPEC 3.1, 3.2 and 3.4
    peer.py           the peer connection: relayed audio and data, and proof that both arrive
    relay.py          a relay seen from outside
    call.py           one call, seen from one side
    people.py         guests, who are gone afterwards, and accounts that a file keeps

What an operator runs:

    cli.py            the commands and their help; report.py says what they have found
    smoke.py          is a deployment whole? stranger.py: what has to be refused
    load.py           what does it hold? stories.py: how each call goes
    talk.py           call and answer
    timeline.py       when each step was done
    waiting.py        waiting that ends

Read call.py first: it says what the others are for.
"""
