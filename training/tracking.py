"""Experiment trackers: TensorBoard by default, Weights & Biases or trackio on request.

A tracker may fail in any way, from a missing package to a lost connection; none of them can end a run, or stop another.
"""

import io
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
from accelerate import Accelerator
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, GeneralTracker

from ..plots import draw_codebooks
from ..speaking.speech import Speech
from .options import TrainingOptions

logger = logging.getLogger(__name__)

PROJECT = "tts-trm"
STEP = "step"
# TensorBoard's "Custom Scalars": curves that belong together in one chart.
CURVES = {
    "loss": ["train/loss", "eval/loss", "eval/shuffled_text_loss"],
    "loss of each codebook in training": ["train/codebook_loss/.*"],
    "loss of each codebook on held-out sentences": ["eval/codebook_loss/.*"],
    "loss after each cycle": ["eval/cycle_loss/.*"],
}


def wanted_trackers(options: TrainingOptions) -> list[str]:
    """Names of the trackers, as accelerate knows them, that the command line asks for."""
    asked = {"tensorboard": not options.no_tensorboard, "wandb": options.wandb, "trackio": options.trackio}
    return [name for name, wanted in asked.items() if wanted]


class Trackers:
    """Logs numbers, speech and pictures to every tracker of an `Accelerator(log_with=...)` that can be started.

    One that fails is reported and left alone from then on; the others go on.

    Args:
        accelerator: with `log_with` from `wanted_trackers` and a `project_dir`.
        run_name: of this run.
        settings: what the trackers record of the run; only plain values.
    """

    def __init__(self, accelerator: Accelerator, run_name: str, settings: dict) -> None:
        self._accelerator, self._trackers = accelerator, []
        if not accelerator.is_main_process:
            return
        folder = Path(accelerator.project_configuration.logging_dir)
        arguments = {
            "tensorboard": {"logging_dir": str(folder)},
            "wandb": {"name": run_name, "dir": str(folder)},
            "trackio": {"name": run_name},
        }
        plain = {name: value for name, value in settings.items() if isinstance(value, (int, float, str, bool))}

        def start(tracker: GeneralTracker) -> None:
            folder.mkdir(parents=True, exist_ok=True)
            tracker.start()
            tracker.store_init_configuration(plain)
            if tracker.name == "tensorboard":
                tracker.tracker.add_custom_scalars(
                    {PROJECT: {title: ["Multiline", tags] for title, tags in CURVES.items()}}
                )
            elif tracker.name == "wandb":
                # Its own step never goes back, and drops what is logged with an earlier one.
                tracker.tracker.define_metric(STEP)
                tracker.tracker.define_metric("*", step_metric=STEP)

        # accelerate's `init_trackers` and `log` would stop all of them at the first that fails
        names = [str(getattr(name, "value", name)) for name in accelerator.log_with]
        self._trackers = [LOGGER_TYPE_TO_CLASS[name](PROJECT, **arguments[name]) for name in names]
        self._each(start)

    def _each(self, call: Callable) -> None:
        for tracker in list(self._trackers):
            try:
                call(tracker)
            except Exception as error:
                self._trackers.remove(tracker)
                reason = f"{type(error).__name__}: {error}"
                logger.warning("Tracking with %s stops, the run continues: %s", tracker.name, reason)

    def log(self, values: dict[str, float], step: int) -> None:
        def log(tracker: GeneralTracker) -> None:
            if tracker.name == "wandb":
                tracker.tracker.log(values | {STEP: step})
            else:
                tracker.log(values, step=step)

        self._each(log)

    def log_audio(self, name: str, waveform: np.ndarray, sampling_rate: int, step: int) -> None:
        """A waveform `[L]`, a tensor on the CPU. In TensorBoard no picture may have its name."""

        def log(tracker: GeneralTracker) -> None:
            if tracker.name == "tensorboard":
                tracker.tracker.add_audio(name, waveform[None], step, sampling_rate)
            elif tracker.name == "wandb":
                import wandb

                audio = wandb.Audio(np.asarray(waveform), sample_rate=sampling_rate)
                tracker.tracker.log({name: audio, STEP: step})
            elif tracker.name == "trackio":
                import trackio

                tracker.tracker.log({name: trackio.Audio(np.asarray(waveform), sample_rate=sampling_rate)}, step=step)

        self._each(log)

    def log_picture(self, name: str, picture: bytes, step: int) -> None:
        """A picture as PNG."""

        def log(tracker: GeneralTracker) -> None:
            import numpy as np
            from PIL import Image

            image = Image.open(io.BytesIO(picture)).convert("RGB")
            if tracker.name == "tensorboard":
                tracker.tracker.add_image(name, np.asarray(image), step, dataformats="HWC")
            elif tracker.name == "wandb":
                import wandb

                tracker.tracker.log({name: wandb.Image(image), STEP: step})
            elif tracker.name == "trackio":
                import trackio

                tracker.tracker.log({name: trackio.Image(np.asarray(image))}, step=step)

        self._each(log)

    def log_speech(self, name: str, speech: "Speech", step: int) -> None:
        """The waveform and the picture of a `Speech`, as far as it has them: `<name>/audio` and `<name>/picture`."""
        if speech.waveform is not None:
            self.log_audio(f"{name}/audio", speech.waveform, speech.sampling_rate, step)
        if speech.picture is not None:
            self.log_picture(f"{name}/picture", speech.picture, step)

    def log_evaluation(self, metrics: dict[str, float], step: int) -> None:
        """What `evaluate` returns, and its `codebook_loss/...` as bars in one picture; without matplotlib none."""
        self.log({f"eval/{name}": value for name, value in metrics.items()}, step)
        losses = [value for name, value in sorted(metrics.items()) if name.startswith("codebook_loss/")]
        if self._trackers and losses:
            try:
                self.log_picture("eval/codebooks", draw_codebooks(None, losses), step)
            except ImportError as error:
                logger.warning("No picture of the codebooks: %s", error)

    def finish(self) -> None:
        """Ends every tracker, and the processes' connection to each other."""
        self._each(lambda tracker: tracker.finish())
        self._accelerator.end_training()
