"""The operator's list of users who get no relay credentials: `make cut-off PROJECT=<project id> USER_ID=<uid>`.

Takes effect within a minute, where the deployment has TURN_CUT_OFF_LIST=true or several relays. It ends no running
call, and a credential that was issued before lives on until its end: see the README.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

from google.cloud import firestore

from tools import provision
from webrtc_lite.edge.pool_state import COLLECTION, DOCUMENT


def main() -> int:
    parser = argparse.ArgumentParser(prog="make cut-off", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("project", help="the Firebase project; a demo- one is that of a running local stack")
    parser.add_argument("uid", nargs="?", help="of whom; without one the list is shown")
    parser.add_argument("--restore", action="store_true", help="takes the user off the list")
    given = parser.parse_args()
    if given.project.startswith("demo-"):
        suite = provision.HOME / given.project / "suite" / "firebase.json"
        if not suite.exists():
            print(f"  ✗ There is no stack {given.project}: start it with `make run`.")
            return 1
        emulator = json.loads(suite.read_text())["emulators"]["firestore"]
        os.environ["FIRESTORE_EMULATOR_HOST"] = f"{emulator['host']}:{emulator['port']}"
    document = firestore.Client(project=given.project).collection(COLLECTION).document(DOCUMENT)
    if given.uid:
        change = firestore.ArrayRemove([given.uid]) if given.restore else firestore.ArrayUnion([given.uid])
        document.set({"cut_off": change}, merge=True)  # the probe's fields stay as they are
    listed = (document.get().to_dict() or {}).get("cut_off", [])
    print(f"  {len(listed)} cut off" + "".join(f"\n    {uid}" for uid in listed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
