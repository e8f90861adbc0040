"""Samples during training: the same prompts are spoken at intervals, and compared with their recordings."""

import itertools
import json
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch

from ..evaluation.model_metrics import evaluating
from ..modeling_tts_trm import TtsTrmModel
from ..plots import alignment_from_durations
from ..processing_tts_trm import CodecError, TtsTrmProcessor
from ..speaking.prompts import Prompt
from ..speaking.voice import Speech, generate_speech

logger = logging.getLogger(__name__)


class SampleWriter:
    """Speaks the same prompts now and then, without disturbing the training: a sample that fails is only reported.

    Args:
        output_dir: of the run; the files go to `samples/` in it.
        processor: a `TtsTrmProcessor`.
        prompts: what to speak, all of it. Without prompts it is the first `num_samples` of `rows`.
        rows: held-out rows of the data set, with `text`, `speaker_id` and `audio_codes` `[K, T]`.
        num_samples: how many of the rows are spoken.
        seed: of the randomness, fresh at every step, so that only the model differs between two steps.
        generate_kwargs: passed to `generate`, such as `temperature` and `top_k`.
    """

    def __init__(
        self,
        output_dir: str | Path,
        processor: TtsTrmProcessor,
        prompts: list[Prompt] | None = None,
        rows: Iterable[Mapping] = (),
        num_samples: int = 3,
        seed: int = 42,
        generate_kwargs: dict | None = None,
    ) -> None:
        self.folder = Path(output_dir) / "samples"
        self.processor, self.seed, self.generate_kwargs = processor, seed, dict(generate_kwargs or {})
        self.rows = [] if prompts else list(itertools.islice(rows, num_samples))
        self.prompts = list(prompts or [])
        if not prompts:
            self.prompts = [Prompt(row["text"], int(row["speaker_id"]), line) for line, row in enumerate(self.rows, 1)]
        self._codec_error: CodecError | None = None
        self._reported: set[str] = set()

    def write_ground_truth(self) -> list[Speech]:
        """What the codec keeps of the rows' recordings, with the durations that training aligned them with.

        It is written to `samples/sample_1_ground_truth.wav` and `.png` and so on, the former once.

        Returns:
            The recordings that could be decoded; none if the prompts are not of the data set.
        """
        recordings = []
        for number, row in enumerate(self.rows, 1):
            path = self.folder / f"sample_{number}_ground_truth.wav"
            try:
                recording = self._recording(row, number)
                self.folder.mkdir(parents=True, exist_ok=True)
                if not path.exists():
                    self.processor.save_audio(recording.waveform, path)
            except (ValueError, OSError) as error:
                self._report(f"ground truth of sample {number}", error)
                continue
            self._draw(recording, path.with_suffix(".png"))
            recordings.append(recording)
        return recordings

    def _recording(self, row: Mapping, number: int) -> Speech:
        codes, rate = torch.tensor(np.asarray(row["audio_codes"])).long(), self.processor.sampling_rate
        waveform, durations = self._decode(codes), row.get("durations")
        if durations is not None and not len(durations):
            durations = None
        aligned = durations is not None
        return Speech(
            text=row["text"],
            speaker_id=int(row["speaker_id"]),
            speaker=self.processor.speakers[int(row["speaker_id"])],
            codes=codes[None],
            characters=self.processor.tokenizer.convert_ids_to_tokens(row["input_ids"].tolist()) if aligned else [],
            durations=durations,
            alignment=None if durations is None else alignment_from_durations(durations, steps_per_frame=1),
            sampling_rate=rate,
            frame_rate=codes.shape[-1] * rate / len(waveform),
            waveform=waveform,
            number=number,
        )

    def write(self, model: TtsTrmModel, step: int) -> list[Speech]:
        """Speaks the prompts into `samples/step_000500/` and so on.

        A sample is `sample_1_generated.wav` and `sample_1.png`; `info.json` says how each came about, or what failed.

        Returns:
            The prompts that could be spoken; their `waveform` is None while there is no codec, their `picture` while
            there is no matplotlib.
        """
        folder, device = self.folder / f"step_{step:06d}", model.device
        spoken, entries = [], []
        # Loading a codec for the first time draws random numbers, hence the fork.
        with evaluating(model), torch.no_grad(), torch.random.fork_rng([device] if device.type == "cuda" else []):
            for number, prompt in enumerate(self.prompts, 1):
                speech, entry = self._write_one(model, prompt, folder, number)
                entries.append(entry)
                if speech is not None:
                    spoken.append(speech)
            self._write_info(folder / "info.json", step, entries)
        return spoken

    def _write_one(self, model: TtsTrmModel, prompt: Prompt, folder: Path, number: int) -> tuple[Speech | None, dict]:
        entry = {"sample": number, "text": prompt.text, "speaker": prompt.speaker}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            generator = torch.Generator(model.device).manual_seed(self.seed)
            settings = {"generator": generator, **self.generate_kwargs}
            speech = generate_speech(model, self.processor, prompt.text, prompt.speaker, **settings)
            speech.number = number
        except (ValueError, OSError, FloatingPointError) as error:
            self._report(f"sample {number}", error)
            return None, entry | {"error": str(error)}
        entry |= {"speaker_id": speech.speaker_id, "speaker": speech.speaker}
        entry |= {"frames": speech.frames, "seconds": round(speech.seconds, 3)}
        try:
            speech.waveform = self._decode(speech.codes)
            self.processor.save_audio(speech.waveform, folder / f"sample_{number}_generated.wav")
            entry["file"] = f"sample_{number}_generated.wav"
        except (ValueError, OSError) as error:
            self._report(f"sample {number}", error)
            entry["error"] = str(error)
        if (speech.waveform is not None or speech.alignment is not None) and self._draw(
            speech, folder / f"sample_{number}.png"
        ):
            entry["picture"] = f"sample_{number}.png"
        return speech, entry

    def _draw(self, speech: Speech, path: Path) -> bool:
        """Draws `speech.picture`, into a file as well; whether it could."""
        try:
            speech.draw(path)
        except (OSError, ImportError) as error:
            self._report(f"picture of sample {speech.number}", error)
        return speech.picture is not None

    def _decode(self, codes: torch.Tensor) -> torch.Tensor:
        """`[K, T]` or `[1, K, T]` codes to samples `[L]`; a codec that is missing is looked for only once."""
        if self._codec_error is not None:
            raise self._codec_error
        try:
            return self.processor.decode(codes.long())[0]
        except CodecError as error:
            self._codec_error = error
            raise

    def _report(self, what: str, error: Exception) -> None:
        # A codec that is missing is missing for every sample.
        if str(error) not in self._reported:
            self._reported.add(str(error))
            logger.warning("No %s: %s", what, error)

    def _write_info(self, path: Path, step: int, entries: list[dict]) -> None:
        settings = {"temperature": None, "top_k": None} | self.generate_kwargs
        info = {"step": step, "seed": self.seed, **settings, "samples": entries}
        partial = path.with_suffix(".json.partial")
        try:
            partial.write_text(json.dumps(info, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
            os.replace(partial, path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            self._report(str(path), error)
