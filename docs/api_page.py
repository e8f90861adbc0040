"""Writes `docs/api.md`, the reference of the public names, from their signatures, fields and docstrings.

python docs/api_page.py
"""

import importlib
import inspect
import re
import sys
from dataclasses import is_dataclass
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
    import _clone  # noqa: F401


PAGE = Path(__file__).resolve().parent / "api.md"
INTRODUCTION = """# Reference

Written by `python docs/api_page.py` from the code; [How it works](design.md) explains how the parts work together.
Names without a module come from `tts_trm` itself. B is the batch, S characters, T frames of the codec, K codebooks,
V entries of each, D a width, L samples.
"""
# Heading: modules and their public names, in reading order.
SECTIONS = {
    "Speaking": {
        "speaking.voice": (
            "Voice Voice.from_pretrained Voice.stream Voice.synthesize Passage Word Speech Speech.draw generate_speech "
            "write_audio write_pcm join VoiceError"
        ),
        "speaking.onnx_voice": "OnnxVoice OnnxVoice.from_pretrained",
        "speaking.subtitles": "Times Times.add write_times to_json to_srt to_webvtt",
    },
    "Model": {
        "configuration_tts_trm": "TtsTrmConfig TtsTrmConfig.from_specification",
        "modeling_tts_trm": "TtsTrmModel TtsTrmModel.forward TtsTrmModel.generate TtsTrmOutput",
        "generation_tts_trm": "TtsTrmGenerateOutput SpeechTooLongError",
    },
    "Processor": {
        "processing_tts_trm": (
            "TtsTrmProcessor TtsTrmProcessor.from_texts TtsTrmProcessor.__call__ TtsTrmProcessor.decode "
            "TtsTrmProcessor.spoken_text TtsTrmProcessor.speaker_shares TtsTrmProcessor.save_audio CodecError"
        ),
        "text_tts_trm": "normalize_text language_code language_family",
        "normalization_tts_trm": "SpokenText",
    },
    "Codec": {
        "configuration_tts_trm_codec": "TtsTrmCodecConfig",
        "modeling_tts_trm_codec": "TtsTrmCodec TtsTrmCodec.encode TtsTrmCodec.decode residual_search",
    },
    "Pictures": {"plots": "draw_speech draw_comparison"},
}
LABELS = ("Args", "Returns", "Yields", "Raises")
# The comment above a field, its name and its type.
FIELD = re.compile(r"((?:^    # .*\n)*)^    (\w+): ([^=#\n]+?)(?: = .*)?$", re.MULTILINE)
ITEM = re.compile(r"((?:`?\w+`?, )*`?\w+`?): (.+)")
REFERENCE = re.compile(r"\[`([\w.]+)`\]")


def page() -> str:
    """The whole page."""
    import tts_trm

    parts = [INTRODUCTION]
    for heading, modules in SECTIONS.items():
        parts.append(f"## {heading}\n")
        for module_name, names in modules.items():
            module = importlib.import_module(f"tts_trm.{module_name}")
            for name in names.split():
                owner, _, attribute = name.partition(".")
                value = getattr(module, owner)
                origin = None if owner in tts_trm.__all__ or attribute else module_name
                parts.append(entry(name, getattr(value, attribute) if attribute else value, origin))
    return "\n".join(parts)


def entry(name: str, value, module: str | None) -> str:
    """A heading, the signature or the fields, and the docstring of one name."""
    lines = [f"### `{name}`\n"]
    if module:
        lines.append(f"*In `tts_trm.{module}`.*\n")
    if inspect.isclass(value):
        lines.append(document(value.__doc__ or ""))
        if is_dataclass(value) and not value.__name__.endswith("Config"):
            lines += [field(*found) for found in FIELD.findall(inspect.getsource(value))] + [""]
        elif issubclass(value, tuple):
            lines += [f"- `{each}`" for each in value._fields] + [""]
    else:
        lines.append(f"```py\n{signature(name, value)}\n```\n")
        lines += [document(value.__doc__)] if value.__doc__ else []
    return "\n".join(lines)


def signature(name: str, function) -> str:
    """The call as the source writes it, without `self`: no code to run, so its block is `py` and not `python`."""
    lines = inspect.cleandoc("\n" + inspect.getsource(function)).splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("def "))
    last = next(index for index, line in enumerate(lines) if index >= first and line.endswith(":"))
    source = "\n".join(lines[first : last + 1]).removesuffix(":")
    called = re.sub(r"^def \w+\((\n    )?(?:(?:self|cls)\b(?:,\s+)?)?", rf"{name.removesuffix('.__call__')}(\1", source)
    return re.sub(r'-> "(\w+)"$', r"-> \1", called)


def field(comment: str, name: str, kind: str) -> str:
    meaning = " ".join(line.strip().removeprefix("# ") for line in comment.splitlines())
    return f"- `{name}` (`{kind}`)" + (f": {meaning}" if meaning else "")


def document(docstring: str) -> str:
    """A docstring in Markdown: its sections become lists, and names that this page has become links."""
    known = [name for modules in SECTIONS.values() for names in modules.values() for name in names.split()]
    lines, label, item = [], None, ""

    def finish():
        nonlocal item
        if item:
            found = ITEM.fullmatch(item) if label in ("Args", "Raises") else None
            names = found and ", ".join(f"`{name.strip('`')}`" for name in found[1].split(", "))
            lines.append(f"- {names}: {found[2]}" if found else item)
        item = ""

    for line in inspect.cleandoc(docstring).splitlines():
        if line.removesuffix(":") in LABELS and line.endswith(":"):
            finish()
            label = line.removesuffix(":")
            lines += [f"**{'Arguments' if label == 'Args' else label}**", ""]
        elif label is None:
            lines.append(line)
        elif not line.strip():
            finish()
            lines.append("")
            label = label if label == "Args" else ""
        elif line.startswith("        "):
            item += f" {line.strip()}"
        elif label == "Args" or (label == "Raises" and ITEM.fullmatch(line.strip())):
            finish()
            item = line.strip()
        else:
            item += f" {line.strip()}" if item else line.strip()
    finish()

    def link(found: re.Match) -> str:
        target = next((name for name in known if name == found[1] or name.endswith(f".{found[1]}")), None)
        return f"[`{found[1]}`](#{target.replace('.', '').lower()})" if target else f"`{found[1]}`"

    return REFERENCE.sub(link, "\n".join(lines).rstrip()) + "\n"


def main() -> int:
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
