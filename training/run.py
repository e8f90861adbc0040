"""One training run: prepare, build, resume, train."""

import dataclasses
import hashlib
import math
import signal
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from types import FrameType

import torch
from accelerate.utils import gather_object
from tqdm.auto import tqdm

from ..errors_tts_trm import TtsTrmError
from ..evaluation import model_metrics
from ..publishing import upload
from . import accelerator, checkpoints, loaders, model, optimization, preparation, random_state, startup_report
from .options import TrainingOptions
from .state import RunState

# Steps in a row that may be left out, for gradients that are not finite, before the run stops.
MAX_SKIPPED_STEPS = 5
# Clips named of such a step.
MAX_NAMED_CLIPS = 16


class TrainingError(TtsTrmError, RuntimeError):
    """A run that cannot go on; the message says why and what to change."""


class Run:
    """One training run, with the `options` of the command line."""

    def __init__(self, options: TrainingOptions) -> None:
        self.options = options
        accelerator.quiet_libraries()
        model.check_sizes(options)
        self.accelerator = accelerator.make_accelerator(options)
        self.device = self.accelerator.device
        self.state = RunState()
        # The signal that this process has got, and the one that all processes have agreed to stop for.
        self.received_signal = self.stop_signal = 0
        self.say(startup_report.describe_device(self.device))
        self.prepare()
        self.build()
        self.state.held_out = self.held_out_key()
        self.resume()
        self.open_outputs()

    def prepare(self) -> None:
        """Recordings become tokens, tokens and texts durations, and all of it training and held-out rows."""
        options = self.options
        with self.accelerator.main_process_first():
            self.codec_info = preparation.prepare_tokens(options, self.accelerator, self.say)
            self.processor = preparation.make_processor(options, self.codec_info)
            self.speaker_ids = [self.processor.speaker_to_id(name) for name in preparation.speakers_of(self.codec_info)]
            if options.alignment == "durations":
                preparation.prepare_durations(options, self.processor, self.say)
        self.train_set, self.held_out_set, self.split_report = loaders.split_data(options, self.processor)

    def build(self) -> None:
        """Builds the model for the data, and everything else that the loop needs."""
        options = self.options
        self.model = model.make_model(options, self.processor, self.codec_info, self.train_set).to(self.device)
        # On a CPU the backward pass of the fused kernel is the slower one on short sequences.
        if self.device.type == "cpu":
            self.model.set_attn_implementation("eager")
        self.say(startup_report.describe_data(self.processor, self.model, self.split_report))
        self.say(startup_report.describe_model(self.model))
        self.say(startup_report.describe_weights(self.model.config))
        self.sampler, self.loader, self.held_out_loader = loaders.make_loaders(
            options,
            self.accelerator,
            self.processor,
            self.codec_info.codebook_size,
            self.train_set,
            self.held_out_set,
        )
        self.steps_per_epoch = math.ceil(len(self.sampler) / options.gradient_accumulation_steps)
        self.total_steps = options.max_steps or options.epochs * self.steps_per_epoch
        self.epochs = math.ceil(self.total_steps / self.steps_per_epoch)
        self.optimizer = optimization.make_optimizer(options, self.model)
        self.average = optimization.make_average(options, self.model)
        self.wrapped, self.optimizer = self.accelerator.prepare(self.model, self.optimizer)
        random_state.seed_process(options.seed, self.accelerator.process_index)

    def open_outputs(self) -> None:
        """Room on the disk, the writer of samples, the plan in words, and the trackers."""
        options = self.options
        if self.accelerator.is_main_process:
            model.check_room(self.checkpoints, self.model, self.processor)
        self.samples, source = model.make_sample_writer(options, self.processor, self.held_out_set)
        self.say(startup_report.describe_prompts(self.samples.prompts, source) if options.sample_interval else "")
        self.say(
            startup_report.describe_plan(
                options, self.total_steps, self.epochs, self.model.config.num_codebooks, len(self.samples.prompts)
            )
        )
        self.trackers = model.make_trackers(options, self.accelerator)

    def say(self, text: str) -> None:
        if self.accelerator.is_main_process and text:
            print(text, flush=True)

    # ---- the loop ------------------------------------------------------------------------------

    def train(self) -> int:
        """Trains to the end and returns the exit status: 0, or 128 + the signal that stopped the run in good order."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note_signal)
        if self.options.sample_interval and self.accelerator.is_main_process:
            for recording in self.samples.write_ground_truth():
                self.trackers.log_speech(f"sample_{recording.number}/recording", recording, self.state.step)
        self.wrapped.train()
        while self.state.step < self.total_steps and not self.stop_signal:
            self.train_epoch()
        # Ends its workers, which would otherwise be killed with this process and reported as such.
        del self.loader
        if self.stop_signal:
            self.save(f"step_{self.state.step}")
            self.say(f"Stopped at step {self.state.step} and saved; run the same command to continue.")
            self.trackers.finish()
            return 128 + self.stop_signal
        if (not self.state.metrics or self.state.step % self.options.eval_interval) and self.evaluate():
            self.save("best")
        self.save("final")
        if self.options.push_to_hub and self.accelerator.is_main_process:
            self.push("final", f"Training finished at step {self.state.step}")
        self.accelerator.wait_for_everyone()
        self.say(f"Done: {self.checkpoints / 'final'}")
        self.trackers.finish()
        return 0

    def train_epoch(self) -> None:
        """The rest of the current epoch, from `batch_in_epoch` on, or up to the last step."""
        self.sampler.set_epoch(self.state.epoch, self.state.batch_in_epoch)
        accumulation = self.options.gradient_accumulation_steps
        progress = tqdm(
            total=min(self.steps_per_epoch, self.total_steps),
            initial=self.state.batch_in_epoch // accumulation,
            desc=f"Epoch {self.state.epoch + 1}",
            disable=not (self.accelerator.is_main_process and sys.stderr.isatty()),
        )
        group, frames, started, epoch = [], 0, time.time(), self.state.epoch + 1
        for batch in self.loader:
            group.append(batch)
            self.state.batch_in_epoch += 1
            if len(group) < accumulation and self.state.batch_in_epoch < len(self.sampler):
                continue
            finished = self.state.batch_in_epoch == len(self.sampler)
            self.state.losses.append(self.optimizer_step(group))
            frames += sum(int(batch["label_lengths"].sum()) for batch in group) * self.accelerator.num_processes
            group = []
            # Before anything is saved: a checkpoint then points to the next epoch.
            if finished:
                self.state.epoch, self.state.batch_in_epoch = self.state.epoch + 1, 0
            progress.update()
            if self.state.step % self.options.log_interval == 0:
                loss = float(self.accelerator.reduce(sum(self.state.losses) / len(self.state.losses), "mean"))
                speed = frames / max(time.time() - started, 1e-6)
                progress.set_postfix(loss=f"{loss:.4f}", lr=f"{self.learning_rate():.2e}", frames=f"{speed:.0f}/s")
                self.log(loss, speed, epoch)
                frames, started, self.state.losses = 0, time.time(), []
            before = time.time()
            self.once_in_a_while()
            self.agree_on_stop()
            # Evaluation and sampling are not training speed.
            started += time.time() - before
            if finished or self.state.step >= self.total_steps or self.stop_signal:
                break
        progress.close()

    def optimizer_step(self, group: list[dict]) -> torch.Tensor:
        """One step on the mean loss of the frames in `group` over all processes; returns this process's loss."""
        # by frames: however a step's clips are shared out to batches and processes, the gradient is the same
        frames = [batch["label_lengths"].sum().float().to(self.device) for batch in group]
        mean = self.accelerator.reduce(sum(frames), "mean")
        losses = []
        for index, batch in enumerate(group):
            inputs = {k: value.to(self.device, non_blocking=True) for k, value in batch.items() if k != "names"}
            last = index == len(group) - 1
            # processes exchange their gradients once a step
            with nullcontext() if last else self.accelerator.no_sync(self.wrapped):
                output = self.wrapped(**inputs)
                loss = output.loss * (frames[index] / mean)
                self.accelerator.backward(loss)
            losses.append(loss.detach())
            self.last_codebook_losses, self.last_length_loss = output.codebook_losses, output.length_loss
        for group_of_parameters in self.optimizer.param_groups:
            group_of_parameters["lr"] = self.learning_rate() * group_of_parameters["lr_scale"]
        norm = self.last_gradient_norm = self.accelerator.clip_grad_norm_(
            self.model.parameters(), self.options.grad_clip
        )
        # Of the exchanged gradients: all processes decide alike.
        finite = bool(torch.isfinite(norm))
        # The scaler of float16 leaves bad steps out by itself.
        if finite or self.accelerator.scaler is not None:
            self.optimizer.step()
        if finite:
            self.average.update(self.model)
        self.optimizer.zero_grad(set_to_none=True)
        self._count_bad_steps(finite, group, losses, norm)
        self.state.step += 1
        return sum(losses)

    def _clips_of(self, batches: list[dict]) -> list[str]:
        """Names of the clips that all processes have in these batches of theirs."""
        return gather_object([name for batch in batches for name in batch["names"]])

    def _count_bad_steps(self, finite: bool, group: list[dict], losses: list, norm: torch.Tensor) -> None:
        self.state.skipped = 0 if finite else self.state.skipped + 1
        if finite:
            return
        bad = [batch for batch, loss in zip(group, losses, strict=True) if not torch.isfinite(loss)]
        # Only the gradient may be at fault.
        clips = self._clips_of(bad) or self._clips_of(group)
        named = ", ".join(clips[:MAX_NAMED_CLIPS]) + (", ..." if len(clips) > MAX_NAMED_CLIPS else "")
        where = f"epoch {self.state.epoch + 1}, batch {self.state.batch_in_epoch}: {named}"
        self.say(f"Step {self.state.step} left out: loss {float(sum(losses))}, gradient norm {float(norm)} ({where}).")
        # float16's loss scale starts far too high and is halved by each bad step: sixteen halvings reach 1
        if self.state.skipped >= MAX_SKIPPED_STEPS + (16 if self.accelerator.scaler is not None else 0):
            raise TrainingError(
                f"The gradient was not finite {self.state.skipped} steps in a row, last in {where}. Lower --lr (now "
                f"{self.options.lr}) or train without --fp16; the last checkpoint is good."
            )

    def learning_rate(self) -> float:
        """A function of the step alone: warm-up, then a cosine."""
        warmup = min(self.options.warmup_steps, self.total_steps // 10)
        progress = (self.state.step - warmup) / max(1, self.total_steps - warmup)
        return optimization.learning_rate(self.options.lr, self.state.step, warmup, progress)

    def once_in_a_while(self) -> None:
        """Evaluation, samples and checkpoints, each at its own interval."""
        options = self.options
        improved = self.state.step % options.eval_interval == 0 and self.evaluate()
        if options.sample_interval and self.state.step % options.sample_interval == 0:
            self.sample()
        # Last: a resumed run does not repeat what came before its checkpoint.
        if improved:
            self.save("best")
        if self.state.step % options.save_interval == 0 and self.state.step < self.total_steps:
            self.save(f"step_{self.state.step}")

    def log(self, loss: float, speed: float, epoch: int) -> None:
        values = {"train/loss": loss, "train/lr": self.learning_rate(), "train/frames_per_second": speed}
        values["train/gradient_norm"] = float(self.last_gradient_norm)
        values |= {f"train/codebook_loss/{c:02d}": v for c, v in enumerate(self.last_codebook_losses.tolist())}
        if self.last_length_loss is not None:
            values["train/length_loss"] = float(self.last_length_loss)
        self.trackers.log(values, self.state.step)
        if not sys.stderr.isatty():
            self.say(
                f"step {self.state.step}/{self.total_steps} epoch {epoch} loss {loss:.4f} "
                f"lr {self.learning_rate():.2e} {speed:.0f} frames/s"
            )

    # ---- evaluate, sample, save, resume ------------------------------------------------------------

    def evaluate(self) -> bool:
        """Measures the averaged weights on the held-out sentences; whether they are the best so far."""
        shared = (self.model, self.held_out_loader, self.device, lambda sums: gather_object([sums]))
        with self.average.applied(self.model):
            self.state.metrics = model_metrics.evaluate(*shared)
            model_metrics.measure_gain(*shared, speaker_ids=self.speaker_ids)
        self.trackers.log_evaluation(self.state.metrics, self.state.step)
        shown = [name for name in self.state.metrics if "/" not in name]
        self.say(
            f"eval at step {self.state.step}: " + ", ".join(f"{name} {self.state.metrics[name]:.4f}" for name in shown)
        )
        improved = self.state.metrics["loss"] < self.state.best_loss
        if improved:
            self.state.best_loss = self.state.metrics["loss"]
        return improved

    def sample(self) -> None:
        """Speaks the prompts with the averaged weights; a failure is reported and forgotten."""
        if not self.accelerator.is_main_process:
            return
        with self.average.applied(self.model):
            for speech in self.samples.write(self.model, self.state.step):
                self.trackers.log_speech(f"sample_{speech.number}", speech, self.state.step)

    @property
    def checkpoints(self) -> Path:
        return self.options.output_dir / "checkpoints"

    def save(self, name: str) -> None:
        """Writes `checkpoints/<name>`: averaged weights and all they need, and the state to resume from."""
        random_states = gather_object([random_state.random_state(self.device)])
        losses = gather_object([[float(loss) for loss in self.state.losses]])
        if self.accelerator.is_main_process:
            state = self.state.to_dict() | {
                "batches_per_epoch": len(self.sampler),
                "average_updates": self.average.updates,
                "losses": losses,
                "scaler": self.accelerator.scaler and self.accelerator.scaler.state_dict(),
                "num_processes": self.accelerator.num_processes,
                "total_steps": self.total_steps,
                "options": {key: str(value) for key, value in sorted(dataclasses.asdict(self.options).items())},
            }

            def write(folder: Path) -> None:
                with self.average.applied(self.model):
                    model.save_voice(folder, self.model, self.processor, self.state.metrics, self.options)
                checkpoints.save_training_state(
                    folder,
                    dict(self.model.named_parameters()),
                    self.average.average,
                    self.optimizer,
                    random_states,
                    state,
                )

            written = checkpoints.write_checkpoint(self.checkpoints / name, write)
            checkpoints.rotate(self.checkpoints, self.options.keep_checkpoints, written)
        self.accelerator.wait_for_everyone()
        if name == "best" and self.options.push_to_hub and self.accelerator.is_main_process:
            self.push("best", f"Best so far, step {self.state.step}")

    def held_out_key(self) -> str:
        """One hash of the sentences that are held out and who says them, whatever their order."""
        # Streamed rows come from several shards.
        parts = getattr(self.held_out_set, "datasets", [self.held_out_set])
        pairs = (pair for part in parts for pair in zip(part.input_ids, part.speaker_ids, strict=True))
        texts = sorted(f"{speaker} {ids.tolist()}" for ids, speaker in pairs)
        return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]

    def push(self, name: str, message: str) -> None:
        if upload.push_checkpoint(self.checkpoints / name, self.options.push_to_hub, message):
            self.say(f"Uploaded {self.checkpoints / name} to {self.options.push_to_hub}")

    def resume(self) -> None:
        """Goes on from `--resume-from-checkpoint`, where there is something to go on from."""
        folder = self._checkpoint_to_resume()
        if folder is None:
            return
        loaded = checkpoints.load_training_state(folder)
        state = loaded["state"]
        model.check_same_run(folder, self.model, self.processor, state, self.accelerator.num_processes)
        checkpoints.check_training_state(folder, loaded, self.model, self.optimizer)
        model.load_buffers(folder, self.model)
        # Which are without the buffers.
        self.model.load_state_dict(loaded["weights"], strict=False)
        self.average.load_state_dict(loaded["average"], state["average_updates"])
        checkpoints.load_optimizer_tensors(self.optimizer, loaded["optimizer"])
        rank = self.accelerator.process_index
        losses = [torch.tensor(loss, device=self.device) for loss in state["losses"][rank]]
        self.state = RunState.from_dict(state, losses)
        # It may continue without --fp16.
        if state.get("scaler") and self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        random_state.restore_random_state(loaded["random"][str(rank)], self.device)
        self._compare_data(folder, state["batches_per_epoch"])
        left = self.total_steps - self.state.step
        if left <= 0:
            self.say(f"\n{folder}: its {self.state.step} steps are all that are asked for; more with --max-steps.")
        else:
            self.say(f"\nResuming from {folder} at step {self.state.step} of {self.total_steps}.")
        # It was killed between saving the best and saving the step: with both, the newest is not called best.
        if folder.name == "best" and self.state.step % self.options.save_interval == 0 and left > 0:
            self.save(f"step_{self.state.step}")

    def _checkpoint_to_resume(self) -> Path | None:
        choice = self.options.resume_from_checkpoint
        if choice == "none":
            aside = checkpoints.set_aside(self.checkpoints) if self.accelerator.is_main_process else None
            self.say(f"The checkpoints that were there are now in {aside}." if aside else "")
            return None
        # It may have to put an interrupted replacement back.
        with self.accelerator.main_process_first():
            if choice == "auto":
                return checkpoints.newest_valid(self.checkpoints, self.say)
            checkpoints.verify_checkpoint(Path(choice))
            return Path(choice)

    def _compare_data(self, folder: Path, batches_per_epoch: int) -> None:
        """What the data of now, other than those of the checkpoint, begin anew: an epoch, and the best loss."""
        if batches_per_epoch != len(self.sampler) and self.state.batch_in_epoch:
            self.state.epoch, self.state.batch_in_epoch = self.state.epoch + 1, 0
            self.say("The data or the size of the batches have changed: a new epoch begins.")
        # A best checkpoint that is damaged or gone is written anew by the next evaluation.
        best = self.checkpoints / "best"
        if not best.is_dir() or (best != folder and not checkpoints.is_valid(best, self.say)):
            self.state.best_loss = math.inf
        held_out = self.held_out_key()
        if self.state.held_out not in (None, held_out) and math.isfinite(self.state.best_loss):
            # Losses on other sentences are not compared.
            self.state.best_loss = math.inf
            self.say("Other sentences are held out than before: the next evaluation begins a new best checkpoint.")
        self.state.held_out = held_out

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        self.received_signal = number

    def agree_on_stop(self) -> None:
        """Stops all processes after the same step: a signal reaches them at different ones, or only one of them."""
        signals = self.accelerator.gather(torch.tensor([self.received_signal], device=self.device))
        self.stop_signal = int(signals.max())
