"""Model cards: metadata that the Hub reads, and what a stranger should know before using a voice.

A card is written into every checkpoint. The repository it is published as, and the samples that its voice speaks,
come into it when it is published (`publishing.py`).
"""

import json
import re
from pathlib import Path

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from .. import __version__
from ..errors_tts_trm import InputError
from ..modeling_tts_trm import TtsTrmModel
from ..processing_tts_trm import CODEC_FOLDER, TtsTrmProcessor
from ..text_tts_trm import language_family

# Stands for the repository's name until there is one.
REPOSITORY = "this/repository"
# Where a published card links to what the voice speaks.
SAMPLES = "<!-- samples -->"

# What samples say, by language; a card may have other texts in its `widget`.
EXAMPLES = {
    "de": "Gestern hat es noch geregnet, aber heute scheint wieder die Sonne.",
    "en": "Yesterday it was still raining, but today the sun is shining again.",
    "es": "Ayer todavía llovía, pero hoy vuelve a brillar el sol.",
    "fr": "Hier il pleuvait encore, mais aujourd'hui le soleil brille de nouveau.",
    "it": "Ieri pioveva ancora, ma oggi splende di nuovo il sole.",
    "nl": "Gisteren regende het nog, maar vandaag schijnt de zon weer.",
    "pl": "Wczoraj jeszcze padało, ale dzisiaj znowu świeci słońce.",
    "pt": "Ontem ainda chovia, mas hoje o sol voltou a brilhar.",
    "sv": "I går regnade det fortfarande, men i dag skiner solen igen.",
}

USAGE = """## Use

```python
from transformers import AutoModel, AutoProcessor

name, revision = "{repository}", "main"  # pin a commit hash: loading runs its code
model = AutoModel.from_pretrained(name, revision=revision, trust_remote_code=True)
processor = AutoProcessor.from_pretrained(name, revision=revision, trust_remote_code=True)
inputs = processor(text={text}, speaker={speaker})
audio = processor.decode(model.generate(**inputs))[0]
processor.save_audio(audio, "speech.wav")
```

`pipeline("text-to-speech", model=name, revision=revision, trust_remote_code=True)` works as well.
"""

LIMITS = """## Limits

- It has only the voices listed above. Characters outside its alphabet are replaced by the nearest ones, or left out.
- The audio has no watermark. Tell listeners who could take it for a recording that it is synthetic.
"""

CITATION = f"""## How to cite

```bibtex
@software{{tts_trm,
  title = {{TTS TRM: text to speech by a tiny recursive model}},
  author = {{{{TTS TRM maintainers}}}},
  year = {{2026}},
  version = {{{__version__}}}
}}
```
"""

# Systems in the evaluation's JSON.
RECORDINGS, MODEL = "recordings", "model"
# Of the evaluation's JSON: the Hub's name of the metric, ours, factor and decimals.
METRICS = {
    "word_error_rate": ("wer", "word error rate, %, heard by {recognizer}", 100, 1),
    "character_error_rate": ("cer", "character error rate, %, heard by {recognizer}", 100, 1),
    "dnsmos_overall": ("dnsmos", "DNSMOS overall, 1 to 5", 1, 2),
    "dnsmos_p808": ("dnsmos_p808", "DNSMOS P.808, 1 to 5", 1, 2),
    "voiced_share": ("voiced_share", "voiced where the recording is, %", 100, 0),
    "f0_error_cents": ("f0_error", "error of F0, cents", 1, 0),
    "mel_cepstral_distance": ("mcd", "mel-cepstral distance, dB", 1, 2),
    "log_f0_error": ("log_f0_rmse", "error of log F0", 1, 3),
    "speaker_similarity": ("speaker_similarity", "similarity to the speaker, by {speaker_encoder}", 1, 3),
}


class CardError(InputError):
    """Notes or an evaluation that no card can be made of; the message names the file and the fix."""


def write_model_card(
    folder: str | Path,
    model: TtsTrmModel,
    processor: TtsTrmProcessor,
    metrics: dict[str, float] | None = None,
    evaluation: dict | None = None,
    notes: str = "",
    **metadata,
) -> None:
    """Writes `README.md` of a checkpoint.

    Args:
        metrics: name and value of each measure that training took on held-out sentences.
        evaluation: what `read_evaluation` returns.
        notes: Markdown on data, licence and training; YAML between `---` lines before it goes into the metadata.
        metadata: further fields of the metadata, such as `datasets` and `base_model`; the notes take precedence.

    Raises:
        CardError: if the notes' metadata is not of that form.
    """
    extra, notes = read_notes(notes)
    results = evaluation_results(evaluation) if evaluation else None
    languages = sorted({language_family(language) for language in processor.languages})
    name = extra.pop("model_name", None) or "TTS TRM voice"
    fields = dict(
        language=languages,
        library_name="transformers",
        pipeline_tag="text-to-speech",
        tags=["tts_trm"],
        model_name=name if results else None,
        eval_results=results,
        widget=examples(processor),
    )
    try:
        data = ModelCardData(**fields | {key: value for key, value in metadata.items() if value} | extra)
    except (TypeError, ValueError) as error:
        raise CardError(f"The model card's metadata is not valid ({error}); correct the notes.") from error
    parts = [_heading(name, model, processor), SAMPLES, _usage(processor), notes.strip()]
    parts += [_measures(metrics or {}, evaluation or {}), LIMITS, CITATION]
    body = "\n\n".join(part.strip() for part in parts if part.strip())
    (Path(folder) / "README.md").write_text(f"---\n{data.to_yaml()}\n---\n\n{body}\n", encoding="utf-8")


def read_notes(notes: str) -> tuple[dict, str]:
    """Metadata and text of notes; without `---` lines all is text."""
    if not re.match(r"\s*---\n", notes):
        return {}, notes
    try:
        card = ModelCard(notes.lstrip())
        return card.data.to_dict(), card.text
    except Exception as error:
        # Of the YAML parser, or of the class.
        reason = " ".join(str(error).split())
        raise CardError(
            f"The metadata of the notes, between its --- lines, is not a YAML mapping ({reason})."
        ) from error


def examples(processor: TtsTrmProcessor) -> list[dict]:
    """The card's `widget`: for each speaker a text in its language, where we have one."""
    languages = map(language_family, processor.languages)
    pairs = zip(processor.speakers, languages, strict=True)
    return [{"text": EXAMPLES[code], "example_title": speaker} for speaker, code in pairs if code in EXAMPLES]


def read_evaluation(path: str | Path) -> dict:
    """The JSON of `scripts/evaluate_voice.py`.

    Raises:
        CardError: if the file is missing or something else.
    """
    try:
        evaluation = json.loads(Path(path).read_text(encoding="utf-8"))
        evaluation_results(evaluation)
        return evaluation
    except OSError as error:
        raise CardError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CardError(f"{path}: is not what scripts/evaluate_voice.py writes ({error!r}); give its JSON.") from error


def evaluation_results(evaluation: dict) -> list[EvalResult]:
    """What was measured of the model's speech, speaker by speaker, as the Hub's `model-index` has it."""
    heard = {key: evaluation[key] for key in ("recognizer", "speaker_encoder")}
    return [
        EvalResult(
            task_type="text-to-speech",
            dataset_type=speaker,
            dataset_name=f"{measured['sentences']} held-out sentences of {speaker}",
            metric_type=metric,
            metric_name=name.format(**heard),
            metric_value=round(factor * measured["systems"][MODEL][key], decimals),
        )
        for speaker, measured in evaluation["speakers"].items()
        for key, (metric, name, factor, decimals) in _metrics(evaluation).items()
        if measured["systems"][MODEL].get(key) is not None
    ]


def _metrics(evaluation: dict) -> dict[str, tuple]:
    """Those of `METRICS` that say something: the similarity of a stand-in of an encoder does not."""
    stand_in = evaluation["speaker_encoder"] == "spectrum"
    return {key: value for key, value in METRICS.items() if not (stand_in and key == "speaker_similarity")}


def _heading(name: str, model: TtsTrmModel, processor: TtsTrmProcessor) -> str:
    config, trained = model.config, sum(parameter.numel() for parameter in model.parameters())
    # A folder travels with the checkpoint.
    codec = CODEC_FOLDER if Path(processor.codec).is_dir() else processor.codec
    pairs = zip(processor.speakers, processor.languages, strict=True)
    speakers = ", ".join(f"{speaker} ({language})" for speaker, language in pairs)
    blocks = f"{config.l_layers} block{'' if config.l_layers == 1 else 's'}"
    return (
        f"# {name}\n\n"
        f"A tiny recursive text-to-speech model: it predicts all {config.num_codebooks} codebooks of a frame at once. "
        f"It has {trained:,} trained parameters, {config.h_cycles} x {config.l_cycles} cycles of {blocks}, and width "
        f"{config.audio_embed_dim}.\n\n"
        f"Speakers: {speakers}. Codec: `{codec}`. Sampling rate: {config.sampling_rate} Hz."
    )


def _usage(processor: TtsTrmProcessor) -> str:
    shown = [*examples(processor), {"text": "Text to speak.", "example_title": processor.speakers[0]}][0]
    text, speaker = (json.dumps(shown[name], ensure_ascii=False) for name in ("text", "example_title"))
    return USAGE.format(repository=REPOSITORY, text=text, speaker=speaker)


def _measures(metrics: dict[str, float], evaluation: dict) -> str:
    parts = []
    if metrics:
        rows = [f"| {name} | {value:.4g} |" for name, value in metrics.items()]
        parts.append("\n".join(["| measure on held-out sentences | value |", "|---|---|", *rows]))
    for speaker, measured in evaluation.get("speakers", {}).items():
        parts.append(f"{measured['sentences']} held-out sentences of {speaker}:")
        parts.append(_table(measured["systems"], evaluation))
        short = measured["short_inputs"]
        if short["failures"] and evaluation["recognizer"] != "none":
            parts.append(
                f"Of {short['inputs']} inputs of one or two words, {100 * short['failures']:.0f} % were not recognised."
            )
    if evaluation:
        parts.append("Measured by `scripts/evaluate_voice.py`; the codec at all codebooks is the model's ceiling.")
    return "\n\n".join(["## Measured", *parts]) if parts else ""


def _table(systems: dict[str, dict], evaluation: dict) -> str:
    """The measures of recordings, codec and model, those that are there."""
    shown = {
        key: metric
        for key, metric in _metrics(evaluation).items()
        if any(key in measures for measures in systems.values())
    }
    heading = [name.format(**evaluation) for _, name, _, _ in shown.values()]
    ceiling = [system for system in systems if system not in (RECORDINGS, MODEL)][-1:]
    lines = [f"| | {' | '.join(heading)} |", "|---" * (len(shown) + 1) + "|"]
    for system in (RECORDINGS, *ceiling, MODEL):
        values = systems.get(system, {})
        cells = [
            f"{factor * values[key]:.{decimals}f}" if values.get(key) is not None else "-"
            for key, (_, _, factor, decimals) in shown.items()
        ]
        lines.append(f"| {system} | {' | '.join(cells)} |")
    return "\n".join(lines)


def published_card(text: str, repository: str, samples: dict[str, str]) -> str:
    """The card of a checkpoint as the repository has it: its name, and samples where the voice speaks.

    Args:
        samples: path in the repository of each spoken example of the card's `widget`, by its title.
    """
    card = ModelCard(text.replace(REPOSITORY, repository))
    lines = []
    for example in card.data.get("widget") or []:
        title = example.get("example_title")
        if title in samples:
            example["output"] = {"url": samples[title]}
            lines.append(f'- [{title}]({samples[title]}): "{example["text"]}"')
    listed = "## Listen\n\n" + "\n".join(lines) if lines else ""
    return re.sub(r"\n{3,}", "\n\n", str(card).replace(SAMPLES, listed))
