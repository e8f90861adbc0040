"""TTS TRM: a tiny recursive model that turns text and a speaker into all 32 codebooks of speech at once.

The names below are imported when they are first used, so that `import tts_trm` and `--help` stay fast.
"""

# Absent when pytest collects a clone whose folder is no Python name, such as `tts-trm`.
if __package__:
    import importlib

    _MODULE_OF = {
        "TtsTrmConfig": "configuration_tts_trm",
        "TtsTrmModel": "modeling_tts_trm",
        "TtsTrmOutput": "modeling_tts_trm",
        "TtsTrmGenerateOutput": "generation_tts_trm",
        "TtsTrmProcessor": "processing_tts_trm",
        "TtsTrmCodecConfig": "configuration_tts_trm_codec",
        "TtsTrmCodec": "modeling_tts_trm_codec",
        "Voice": "speaking.voice",
    }
    __all__ = list(_MODULE_OF)
    __version__ = "0.1.0"

    def __getattr__(name: str) -> object:
        if name not in _MODULE_OF:
            raise AttributeError(f"module 'tts_trm' has no attribute {name!r}")
        return getattr(importlib.import_module(f".{_MODULE_OF[name]}", __name__), name)
