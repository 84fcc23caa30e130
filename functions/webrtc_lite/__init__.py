"""WebRTC-Lite: a calling back end that is deployed instead of operated. main.py is its only way in."""
