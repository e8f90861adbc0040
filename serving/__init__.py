"""The web page and the HTTP endpoint: one process, one queue, one thread that computes. `app.py` starts it."""
