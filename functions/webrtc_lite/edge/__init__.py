"""What touches the world: parameters, requests, replies, logs."""
