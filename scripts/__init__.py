"""Commands, one per file: `python scripts/NAME.py` in a clone, `python -m tts_trm.scripts.NAME` once installed."""
