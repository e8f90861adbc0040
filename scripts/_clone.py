"""Makes the checkout that a command was started from importable as `tts_trm`, whatever its folder is called.

A command imports this when it runs as a plain file, so a bare clone needs no installation, and the code of the
clone wins over a `tts_trm` that happens to be installed.
"""

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

if "tts_trm" not in sys.modules:
    _spec = importlib.util.spec_from_file_location(
        "tts_trm", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    if _spec is None or _spec.loader is None:
        raise ImportError(f"{ROOT}: is not a checkout of TTS TRM.")
    sys.modules["tts_trm"] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules["tts_trm"])
