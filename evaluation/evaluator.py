"""Evaluation of a voice on held-out sentences, compared with their recordings and the codec's copies."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from ..audio.features import pitch_contour
from ..data.clips import Clip, DataError
from ..data.held_out import is_held_out, text_key
from ..errors_tts_trm import InputError
from ..modeling_tts_trm import TtsTrmModel
from ..processing_tts_trm import TtsTrmProcessor
from ..speaking.voice import Passage, Voice
from ..text_tts_trm import language_family
from .acoustic_metrics import AcousticDistance, SpeakerSimilarity, speaker_centroids
from .model_metrics import codebook_measures
from .quality import SpeechQuality
from .recognizers import Recognizer, WordAligner
from .speaker_encoders import SpeakerEncoder
from .word_metrics import DroppedAndRepeatedWords, WordErrorRate, plain_words

RECORDINGS, MODEL = "recordings", "model"
CODEC_LEVELS = (8, 16, 32)
PARAGRAPH_WORDS = 200
# Of one or two words.
SHORT_INPUTS = 100
# Root mean square, 40 dB below the loudness of the training data.
SILENCE = 1e-3
# Of a short input, the silence at its edges included.
SECONDS_PER_WORD = (0.1, 2.0)


def held_out_clips(clips: Iterable[Clip], share: float, speaker: str | None = None) -> dict[str, list[Clip]]:
    """By speaker one clip of each held-out sentence, in the order of the data.

    Args:
        clips: all clips of the data.
        share: of the sentences that training left out, 0..1; see `sources.is_held_out`.
        speaker: only this one.

    Raises:
        DataError: if none is left.
    """
    chosen: dict[str, dict[str, Clip]] = {}
    for clip in clips:
        if speaker in (None, clip.speaker) and is_held_out(clip.text, share) and plain_words(clip.text):
            chosen.setdefault(clip.speaker, {}).setdefault(text_key(clip.text), clip)
    if not chosen:
        whose = f"of speaker {speaker!r} " if speaker else ""
        raise DataError(f"No sentence {whose}is held out at a share of {share}; check --speaker and --held-out.")
    return {name: list(sentences.values()) for name, sentences in chosen.items()}


def aligned_durations(token_dir: str | Path, processor: TtsTrmProcessor) -> dict[tuple[str, str], np.ndarray]:
    """By name and text of a clip the durations `[S]` in frames that training aligned it with.

    Raises:
        DataError: if the folder holds no tokens of this codec, or no durations for this tokenizer.
    """
    from ..data.token_folder import load_tokens

    table, info = load_tokens(token_dir, processor.tokenizer)
    info.check_matches(processor.codec_model, processor.codec)
    if "aligned_durations" not in table.column_names:
        raise DataError(
            f"--token-dir {token_dir}: holds no durations for this voice's tokenizer; name the folder it was trained "
            "from, or leave out the option."
        )
    columns = (table.data.column(name).to_pylist() for name in ("name", "text", "aligned_durations"))
    return {(name, text): np.asarray(row, np.float32) for name, text, row in zip(*columns, strict=True) if row}


@dataclass
class Renditions:
    """One speaker's sentences as every system says them: `waveforms[system][i]` `[L]`, None where it refused."""

    texts: list[str]
    waveforms: dict[str, list[np.ndarray | None]]
    # Of the model: when each word is spoken.
    passages: list[Passage | None] = field(default_factory=list)
    # Seconds that each system took for all of them.
    computing: dict[str, float] = field(default_factory=dict)
    # For `codebook_measures`.
    batches: list[dict] = field(default_factory=list)
    # The reason by text.
    refusals: dict[str, str] = field(default_factory=dict)


class VoiceEvaluation:
    """Measures one voice.

    Args:
        model: a `TtsTrmModel` in evaluation mode, on the CPU.
        processor: its `TtsTrmProcessor`.
        recognizer: one of `listeners`, or None to leave out what needs words.
        speaker_encoder: one of `listeners`.
        durations: what [`aligned_durations`] returns. Without it the codebooks are measured with the model's own
            durations, stretched to the recording, so that errors of timing count as errors of the codes.
        seed: of the model's sampling, where it samples, and of the bootstrap.
        quality: a [`SpeechQuality`], or None to leave it out.
    """

    def __init__(
        self,
        model: TtsTrmModel,
        processor: TtsTrmProcessor,
        recognizer: Recognizer | None,
        speaker_encoder: SpeakerEncoder,
        durations: dict | None = None,
        seed: int = 0,
        quality: SpeechQuality | None = None,
    ) -> None:
        # Says now if its library is missing.
        pitch_contour(np.zeros(processor.sampling_rate), processor.sampling_rate)
        self.model, self.processor, self.seed = model, processor, seed
        self.recognizer, self.speaker_encoder, self.durations = recognizer, speaker_encoder, durations
        self.quality = quality
        self.rate = processor.sampling_rate
        self.levels = sorted({min(level, model.config.num_codebooks) for level in CODEC_LEVELS})

    @property
    def _listener(self) -> Recognizer:
        if self.recognizer is None:
            raise InputError("Words are measured only with a recognizer; give one.")
        return self.recognizer

    def measure(self, clips: list[Clip]) -> tuple[dict, Renditions]:
        """All measures of one speaker's clips, as JSON takes them, and what they were measured on."""
        self.language = language_family(self.processor.languages[self.processor.speaker_to_id(clips[0].speaker)])
        spoken = self.render(clips)
        known = self.recognizer is not None and self.recognizer.knows(spoken.texts)
        heard = {system: self._hear(waves) for system, waves in spoken.waveforms.items()} if known else {}
        result = {
            "sentences": len(clips),
            "systems": {system: self._measure_system(system, spoken, heard) for system in spoken.waveforms},
            "codebooks": self._measure_codebooks(spoken),
            "paragraph": measure_paragraph(spoken.texts, heard),
            "short_inputs": self._measure_short_inputs(spoken, clips[0].speaker, known),
            "refused": spoken.refusals,
            "texts": spoken.texts,
            "heard": heard,
            "compared": {"": self._normalized(spoken.texts)}
            | {system: self._normalized(words) for system, words in heard.items()}
            if known
            else {},
        }
        return result, spoken

    def render(self, clips: list[Clip]) -> Renditions:
        """The recordings, their codes decoded at several levels, and the model's speech."""
        systems = {level: f"codec, {level} codebooks" for level in self.levels}
        spoken = Renditions(
            [clip.text for clip in clips], {name: [] for name in (RECORDINGS, *systems.values(), MODEL)}
        )
        spoken.computing = dict.fromkeys((*systems.values(), MODEL), 0.0)
        for clip in clips:
            recording = clip.load(self.rate)
            codes = self.processor(audio=recording, sampling_rate=self.rate)["audio_codes"]
            spoken.waveforms[RECORDINGS].append(recording)
            for level, system in systems.items():
                started = time.perf_counter()
                spoken.waveforms[system].append(self.processor.decode(codes[:, :level])[0].numpy())
                spoken.computing[system] += time.perf_counter() - started
            started = time.perf_counter()
            try:
                passage = self.speak(clip.text, clip.speaker)
            except ValueError as error:
                passage = None
                spoken.refusals[clip.text] = str(error)
            spoken.computing[MODEL] += time.perf_counter() - started
            spoken.passages.append(passage)
            spoken.waveforms[MODEL].append(None if passage is None else np.asarray(passage.waveform))
            spoken.batches += self._batch(clip, codes)
        return spoken

    def speak(self, text: str, speaker: str) -> Passage:
        """The model's speech at its default; raises `ValueError` if it refuses the text."""
        return Voice(self.model, self.processor).synthesize(text, speaker, seed=self.seed)

    def _batch(self, clip: Clip, codes: torch.Tensor) -> list[dict]:
        """The clip for `codebook_measures`; an empty list if training would have left it out as well."""
        frames, aligned = codes.shape[-1], (self.durations or {}).get((clip.name, clip.text))
        # The codec may have more levels than the voice.
        codes = codes[:, : self.model.config.num_codebooks]
        try:
            inputs = dict(self.processor(text=clip.text, speaker=clip.speaker))
            output = self.model.generate(**inputs, num_frames=frames, return_dict_in_generate=True)
        except ValueError:  # too long
            return []
        durations = output.durations
        if self.durations is not None:
            if aligned is None or len(aligned) != inputs["input_ids"].shape[1] or abs(aligned.sum() - frames) > 0.5:
                return []
            durations = torch.from_numpy(aligned)[None]
        extra = {} if durations is None else {"durations": durations}
        return [inputs | extra | {"labels": codes, "label_lengths": torch.tensor([frames])}]

    def _hear(self, waveforms: Iterable[np.ndarray | None]) -> list[str]:
        return ["" if wave is None else self._listener(wave, self.rate, self.language) for wave in waveforms]

    def _normalized(self, texts: list[str]) -> list[str]:
        return [self._listener.normalize(text, self.language) for text in texts]

    def _measure_system(self, system: str, spoken: Renditions, heard: dict[str, list[str]]) -> dict:
        result: dict = {}
        # A recording is never refused.
        recordings = [wave for wave in spoken.waveforms[RECORDINGS] if wave is not None]
        if heard:
            words = WordErrorRate(keep_in_memory=True)
            references, predictions = self._normalized(spoken.texts), self._normalized(heard[system])
            result |= words.compute(predictions=predictions, references=references, seed=self.seed)
        by_index = {index: wave for index, wave in enumerate(spoken.waveforms[system]) if wave is not None}
        if not by_index:
            return result
        said, waves = list(by_index), list(by_index.values())
        if self.quality:
            heard_quality = [self.quality(wave, self.rate) for wave in waves]
            result |= {name: float(np.mean([each[name] for each in heard_quality])) for name in heard_quality[0]}
        if system != RECORDINGS:
            distance = AcousticDistance(keep_in_memory=True)
            for wave, index in zip(waves, said, strict=True):
                distance.add(prediction=wave, reference=recordings[index])
            result |= distance.compute(sampling_rate=self.rate)
            result["seconds_per_audio_second"] = spoken.computing[system] * self.rate / sum(map(len, waves))
        # A recording alone has no others to be compared with.
        if len(recordings) > 1:
            speakers = speaker_centroids(np.stack([self.speaker_encoder(wave, self.rate) for wave in recordings]))
            result |= SpeakerSimilarity(keep_in_memory=True).compute(
                predictions=[self.speaker_encoder(wave, self.rate) for wave in waves], references=list(speakers[said])
            )
        return result

    def _measure_codebooks(self, spoken: Renditions) -> dict | None:
        if not spoken.batches:
            return None
        source = "the model's own, of the true length" if self.durations is None else "aligned in training"
        return {"sentences": len(spoken.batches), "durations": source, **codebook_measures(self.model, spoken.batches)}

    def _measure_short_inputs(self, spoken: Renditions, speaker: str, known: bool) -> dict:
        inputs, failed = short_inputs(spoken.texts), {}
        for text in inputs:
            reason = self._short_failure(text, speaker, known)
            if reason:
                failed[text] = reason
        result = {"inputs": len(inputs), "failures": len(failed) / len(inputs), "failed": failed}
        if known and isinstance(self.recognizer, WordAligner):
            result[RECORDINGS] = self._measure_short_recordings(self.recognizer, spoken, inputs)
        return result

    def _measure_short_recordings(
        self, recognizer: WordAligner, spoken: Renditions, inputs: dict[str, tuple[int, int]]
    ) -> dict:
        """How many of the same words are not heard, cut out of the recordings: what the recogniser can do at best."""
        failed = []
        count = 0
        for text, (index, first) in inputs.items():
            words, recording = text.split(), spoken.waveforms[RECORDINGS][index]
            if recording is None:
                continue
            times = recognizer.word_times(recording, self.rate, spoken.texts[index])
            if times is not None:
                count += 1
                starts = [round(start * self.rate) for _, start, _ in times] + [len(recording)]
                if not self._hears_one(words, recording[starts[first] : starts[first + len(words)]]):
                    failed.append(text)
        return {"inputs": count, "failures": len(failed) / count if count else None, "failed": failed}

    def _hears_one(self, words: list[str], wave: np.ndarray) -> bool:
        return bool(set(words) & set(plain_words(self._listener(wave, self.rate, self.language)).split()))

    def _short_failure(self, text: str, speaker: str, known: bool) -> str | None:
        try:
            wave = np.asarray(self.speak(text, speaker).waveform)
        except ValueError as error:
            return f"refused: {error}"
        words = plain_words(text).split()
        shortest, longest = (bound * len(words) for bound in SECONDS_PER_WORD)
        if not len(wave) or np.sqrt(np.mean(wave**2)) < SILENCE:
            return "silent"
        if not shortest <= len(wave) / self.rate <= longest:
            return f"{len(wave) / self.rate:.2f} s long"
        if known and not self._hears_one(words, wave):
            return "no word heard"
        return None


def short_inputs(texts: list[str], count: int = SHORT_INPUTS) -> dict[str, tuple[int, int]]:
    """Up to `count` inputs of one or two words, with the index of a text that holds them and of their place in it.

    They are the last word of every text and the last two, for words that end a sentence stand well alone; then the
    longest of the other words, until there are enough.
    """
    split = [plain_words(text).split() for text in texts]
    inputs: dict[str, tuple[int, int]] = {}
    for number in (1, 2):
        for index, words in enumerate(split):
            if len(words) >= number and len(inputs) < count * number / 2:
                inputs.setdefault(" ".join(words[-number:]), (index, len(words) - number))
    places = [(word, (index, place)) for index, words in enumerate(split) for place, word in enumerate(words)]
    for word, place in sorted(places, key=lambda found: -len(found[0])):
        if len(inputs) < count:
            inputs.setdefault(word, place)
    return inputs


def measure_paragraph(texts: list[str], heard: dict[str, list[str]], words: int = PARAGRAPH_WORDS) -> dict:
    """Dropped and repeated words, for each system, in a paragraph of the first sentences with `words` words in all.

    It is spoken and heard sentence by sentence. Fewer sentences make a shorter
    paragraph; `words` in the result says how long it was.
    """
    counts = np.cumsum([len(plain_words(text).split()) for text in texts])
    size = min(len(texts), int(np.searchsorted(counts, words)) + 1)
    metric = DroppedAndRepeatedWords(keep_in_memory=True)
    return {
        system: metric.compute(predictions=hypotheses[:size], references=texts[:size])
        for system, hypotheses in heard.items()
    }


def summarize(speakers: dict[str, dict]) -> dict:
    """The measures of all speakers together: sentences, error rates, and the model's length and time."""
    recognised = [result for result in speakers.values() if result["heard"]]
    systems = next(iter(speakers.values()))["systems"]
    references = [text for result in recognised for text in result["compared"][""]]
    rates = {}
    for system in systems if recognised else ():
        heard = [text for result in recognised for text in result["compared"][system]]
        rates[system] = WordErrorRate(keep_in_memory=True).compute(predictions=heard, references=references)
    summary = {"sentences": sum(result["sentences"] for result in speakers.values()), "error_rates": rates}
    for name in ("length_ratio", "seconds_per_audio_second"):
        values = [r["systems"][MODEL][name] for r in speakers.values() if name in r["systems"][MODEL]]
        summary[name] = float(np.mean(values)) if values else None
    return summary
