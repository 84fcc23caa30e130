"""ID tokens as the Auth emulator makes them: unsigned. The Firestore and Functions emulators take no others."""

import base64
import json
import time


def id_token(uid: str, project: str, **claims: object) -> str:
    now = int(time.time())
    payload = {
        "iss": f"https://securetoken.google.com/{project}",
        "aud": project,
        "sub": uid,
        "user_id": uid,
        "auth_time": now,
        "iat": now,
        "exp": now + 3600,
    } | claims
    return f"{segment({'alg': 'none', 'typ': 'JWT'})}.{segment(payload)}."


def segment(content: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()
