"""`python -m webrtc_lite_client` is the command `webrtc-lite-client`."""

from __future__ import annotations

import sys

from webrtc_lite_client.cli import main

if __name__ == "__main__":
    sys.exit(main())
