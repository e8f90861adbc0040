"""Experiment trackers, through accelerate: TensorBoard by default, Weights & Biases or trackio on request.

A tracker may fail in any way, from a missing package to a lost connection; none of them can end a run.
"""

import logging
from pathlib import Path

logger = logging.getLogger(__name__)

PROJECT = "tts-trm"


def wanted_trackers(options) -> list[str]:
    """Names of the trackers, as accelerate knows them, that the command line asks for."""
    asked = {"tensorboard": not options.no_tensorboard, "wandb": options.wandb, "trackio": options.trackio}
    return [name for name, wanted in asked.items() if wanted]


class Trackers:
    """Logs numbers and audio to every tracker of an `Accelerator(log_with=...)` that can be started.

    Args:
        accelerator: with `log_with` from `wanted_trackers` and a `project_dir`.
        run_name: of this run.
        settings: what the trackers record of the run; only plain values.
    """

    def __init__(self, accelerator, run_name: str, settings: dict):
        self._accelerator, self._works = accelerator, True
        folder = Path(accelerator.project_configuration.logging_dir)
        folder.mkdir(parents=True, exist_ok=True)
        names = {"wandb": {"name": run_name, "dir": str(folder)}, "trackio": {"name": run_name}}
        plain = {name: value for name, value in settings.items() if isinstance(value, (int, float, str, bool))}
        self._guard(lambda: accelerator.init_trackers(PROJECT, config=plain, init_kwargs=names))

    def _guard(self, call) -> None:
        if not self._works:
            return
        try:
            call()
        except Exception as error:
            logger.warning("Tracking stops, the run goes on: %s: %s", type(error).__name__, error)
            self._works = False

    def log(self, values: dict[str, float], step: int) -> None:
        self._guard(lambda: self._accelerator.log(values, step=step))

    def log_audio(self, name: str, samples, sampling_rate: int, step: int) -> None:
        """One waveform `[L]`."""
        for tracker in self._accelerator.trackers if self._accelerator.is_main_process else ():
            self._guard(lambda tracker=tracker: self._log_audio(tracker, name, samples, sampling_rate, step))

    @staticmethod
    def _log_audio(tracker, name, samples, sampling_rate, step) -> None:
        if tracker.name == "tensorboard":
            tracker.tracker.add_audio(name, samples[None], step, sampling_rate)
        elif tracker.name == "wandb":
            import wandb

            tracker.tracker.log({name: wandb.Audio(samples.numpy(), sample_rate=sampling_rate)}, step=step)
        elif tracker.name == "trackio":
            import trackio

            tracker.tracker.log({name: trackio.Audio(samples.numpy(), sample_rate=sampling_rate)}, step=step)

    def finish(self) -> None:
        self._guard(self._accelerator.end_training)
