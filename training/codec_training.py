"""Fitting the offline codec: principal components, residual k-means, and the training of the decoder."""

import argparse
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from ..audio.reading import AudioError
from ..configuration_tts_trm_codec import TtsTrmCodecConfig
from ..data.held_out import is_held_out
from ..data.recordings import read_folder
from ..errors_tts_trm import InputError
from ..files import follow_umask
from ..modeling_tts_trm_codec import TtsTrmCodec, dequantize, residual_search
from .checkpoints import load_optimizer_tensors, optimizer_tensors
from .codec_losses import AdversarialLoss, SpectralLoss
from .predicted_codes import predicted_codes

# Shares of the codebooks that the decoder learns to decode from, drawn at random.
TRAINED_LEVELS = (8, 16, 32, 32)
# Codebooks whose entries fill the whole latent space.
WHOLE_LEVELS = 4
# Dimensions that an entry of the others fills.
SUBSPACE = 12
# Of the spectral loss and feature matching, against fooling.
SPECTRAL_WEIGHT, FEATURE_WEIGHT = 15.0, 2.0
# At either side of an excerpt, decoded and not compared: the decoder looks around.
CONTEXT_FRAMES = 2
# Of each principal component that is divided out before k-means: 0 keeps, 1 whitens.
VARIANCE_POWER = 0.3


class Excerpts:
    """All clips on the device, and excerpts of them at random: what the decoder sees, and what it should say."""

    def __init__(
        self, codec: TtsTrmCodec, clips: list, options: argparse.Namespace, generator: torch.Generator, predicted: dict
    ) -> None:
        self.codec, self.options, self.generator = codec, options, generator
        device, size = codec.device, codec.config.frame_size
        self.frames = options.excerpt_frames + 2 * CONTEXT_FRAMES
        codes, waveforms, starts, predictions, total = [], [], [], [], 0
        for clip, samples in clips:
            waveform = torch.from_numpy(samples).to(device)
            waveform = F.pad(waveform, (0, -len(waveform) % size))
            waveform = F.pad(waveform, (0, max(0, self.frames * size - len(waveform))))
            codes.append(codec.encode(waveform.float()[None, None] / 32767).audio_codes[0].T.short())
            waveforms.append(waveform)
            if predicted:
                of_voice = torch.from_numpy(predicted.get(clip.name, np.zeros((0, codes[-1].shape[1]), np.int16)))
                # -1 selects the recording's codes, if a clip has no others or is shorter than an excerpt.
                padding = (0, 0, 0, len(codes[-1]) - len(of_voice))
                predictions.append(F.pad(of_voice.to(device), padding, value=-1))
            starts.append(torch.arange(total, total + len(codes[-1]) - self.frames + 1))
            total += len(codes[-1])
        self.codes, self.starts = torch.cat(codes), torch.cat(starts)
        self.waveforms = torch.cat(waveforms).unflatten(0, (-1, size))
        self.predicted = torch.cat(predictions) if predictions else None

    def draw(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Columns `[B, N, F]` with context at both ends, and the waveforms `[B, L]` of what lies between."""
        count, device = self.options.batch_size, self.codes.device
        chosen = torch.randint(len(self.starts), (count,), generator=self.generator)
        places = (self.starts[chosen][:, None] + torch.arange(self.frames)).to(device)
        levels = torch.randint(len(TRAINED_LEVELS), (count,), generator=self.generator)
        levels = torch.tensor(TRAINED_LEVELS)[levels].clamp(max=self.codes.shape[1]).to(device)
        columns = self._columns(self.codes[places], levels)
        if self.predicted is not None:
            predicted = self.predicted[places]
            # Every other excerpt, if all of it was predicted.
            wanted = (torch.arange(count, device=device) % 2 == 0) & (predicted >= 0).flatten(1).all(1)
            of_voice = self._columns(predicted.clamp(min=0), levels)
            # The envelope alone: harmonics at another pitch than the recording's would be learned to be suppressed.
            of_voice[..., self.codec.config.num_mel_bands :] = columns[..., self.codec.config.num_mel_bands :]
            columns = torch.where(wanted[:, None, None], of_voice, columns)
        inner = places[:, CONTEXT_FRAMES:-CONTEXT_FRAMES]
        return columns, self.waveforms[inner].flatten(1).float() / 32767

    def _columns(self, codes: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
        """Codes `[B, T, K]`, of which the first `levels` `[B]` count, to columns `[B, N, F]`."""
        latent = torch.zeros(*codes.shape[:-1], self.codec.config.latent_dim, device=codes.device)
        for level, entries in enumerate(self.codec.codebooks):
            latent = latent + entries[codes[..., level].long()] * (level < levels)[:, None, None]
        return self.codec.to_columns(latent)

    def inner(self, waveform: torch.Tensor) -> torch.Tensor:
        """`[B, L]` without the context at both ends."""
        context = CONTEXT_FRAMES * self.codec.config.frame_size
        return waveform[:, context:-context]


class CodecTraining:
    """One run of `scripts/train_codec.py`; `options` are its arguments."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.folder = Path(options.output_dir)
        self.folder.mkdir(parents=True, exist_ok=True)
        # A CPU multiplies numbers next to nothing very slowly.
        torch.set_flush_denormal(True)
        self.generator = torch.Generator().manual_seed(options.seed)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.codec = TtsTrmCodec(TtsTrmCodecConfig(**options.config)).eval()
        self.train_clips, self.held_out_clips = self._load_clips()

    def _load_clips(self) -> tuple[list, list]:
        rows = [clip for folder in self.options.data_dir for clip in read_folder(folder)]
        random.Random(self.options.seed).shuffle(rows)
        rate, budget = self.codec.config.sampling_rate, self.options.max_hours * 3600
        train: list[tuple] = []
        held_out: list[tuple] = []
        seconds, skipped = 0.0, 0
        for row in rows:
            held = is_held_out(row.text, self.options.held_out)
            if not held and seconds > budget:
                continue
            try:
                samples = row.load(rate)
            except AudioError as error:
                print(f"skipped: {error}", flush=True)
                skipped += 1
                continue
            seconds += 0 if held else len(samples) / rate
            (held_out if held else train).append((row, (samples * 32767).astype(np.int16)))
        if not train or not held_out:
            raise InputError(f"{len(train)} clips to train and {len(held_out)} held out; give more data or --held-out.")
        print(
            f"{len(train)} clips, {seconds / 3600:.2f} h to train; {len(held_out)} held out; {skipped} skipped",
            flush=True,
        )
        return train, held_out

    def _waveform(self, samples: np.ndarray) -> torch.Tensor:
        waveform = torch.from_numpy(samples).float() / 32767
        return F.pad(waveform, (0, -len(waveform) % self.codec.config.frame_size))[None]

    # -- step 1 and 2: what is fitted in closed form -------------------------------------------------------------

    def fit(self) -> None:
        """Principal components and residual k-means, unless the folder holds them already."""
        if (self.folder / "model.safetensors").exists():
            self.codec = TtsTrmCodec.from_pretrained(self.folder, dtype=torch.float32)
            print("codebooks: taken from the output folder", flush=True)
            return
        latents = self._fit_components()
        self._fit_codebooks(latents)
        self._save()

    def _fit_components(self) -> torch.Tensor:
        config, started = self.codec.config, time.time()
        features = torch.cat([self.codec.frame_features(self._waveform(s))[0] for _, s in self.train_clips])
        mean = features.mean(0)
        covariance = (features - mean).T @ (features - mean) / len(features)
        variances, vectors = torch.linalg.eigh(covariance.double())
        order = variances.argsort(descending=True)[: config.latent_dim]
        scale = variances[order].clamp(min=1e-8).sqrt() ** VARIANCE_POWER
        # everything that shapes a code is rounded to half precision, so that the stored codec gives the same codes
        self.codec.feature_mean.copy_(mean.half())
        self.codec.analysis.copy_((vectors[:, order] / scale).half())
        self.codec.synthesis.copy_((vectors[:, order] * scale).T.half())
        kept = variances[order].sum() / variances.sum()
        print(
            f"components: {config.latent_dim} keep {kept:.2%} of the variance of {len(features)} frames "
            f"({time.time() - started:.0f} s)",
            flush=True,
        )
        chosen = torch.randperm(len(features), generator=self.generator)[: self.options.fit_frames]
        return (features[chosen] - self.codec.feature_mean) @ self.codec.analysis

    def _fit_codebooks(self, latents: torch.Tensor) -> None:
        from sklearn.cluster import KMeans

        config, started = self.codec.config, time.time()
        if len(latents) < config.codebook_size:
            raise InputError(f"{len(latents)} frames cannot fill {config.codebook_size} entries; give more audio.")
        residual, energy = latents, latents.var(0).sum()
        for level in range(config.num_quantizers):
            means = KMeans(
                config.codebook_size, init="random", n_init=1, max_iter=8, random_state=self.options.seed + level
            )
            # What the first levels leave is nearly noise, and means of noise in all dimensions fit the frames that they
            # are means of, unseen ones less. So the others quantise only the directions in which most is left.
            basis = torch.eye(config.latent_dim)
            if level >= WHOLE_LEVELS:
                basis = torch.linalg.eigh(residual.T @ residual)[1][:, -SUBSPACE:]
            centres = torch.from_numpy(means.fit((residual @ basis).numpy()).cluster_centers_)
            entries = (centres @ basis.T).half().float()
            codes = residual_search(residual, entries[None])[:, 0]
            residual = residual - entries[codes]
            self.codec.codebooks[level].copy_(entries)
            left = residual.square().sum(-1).mean() / energy
            print(f"codebook {level}: {left:.2%} of the energy left ({time.time() - started:.0f} s)", flush=True)

    # -- step 3: the decoder -------------------------------------------------------------------------------------

    def train(self) -> None:
        """Trains the decoder until the minutes of both stages are used up, going on from the state in the folder."""
        options, codec = self.options, self.codec.to(self.device)
        predicted = {}
        if options.voice:
            predicted = predicted_codes(options.voice, options.token_dir, self.device)
            print(f"decoder: learns from {len(predicted)} predictions of {options.voice}", flush=True)
        excerpts = Excerpts(codec, self.train_clips, options, self.generator, predicted)
        if self.device.type == "cuda":
            # After the clips are encoded, which takes full precision: near ties are common.
            torch.set_float32_matmul_precision("high")
            # Every step has the same shapes.
            torch.backends.cudnn.benchmark = True
        spectral = SpectralLoss(codec.config.sampling_rate).to(self.device)
        adversary = AdversarialLoss(options.discriminator_channels).to(self.device)
        optimizers = {
            "decoder": torch.optim.AdamW(
                codec.decoder.parameters(), lr=options.lr, betas=(0.8, 0.99), weight_decay=0.01
            ),
            "adversary": torch.optim.AdamW(adversary.parameters(), lr=options.adversarial_lr, betas=(0.5, 0.9)),
        }
        step, used = self._load_state(optimizers, adversary)
        codec.decoder.train()
        last_save = last_log = time.time()
        running: dict[str, float] = {}
        total = options.minutes + options.adversarial_minutes
        while used < total * 60:
            started, adversarial = time.time(), used >= options.minutes * 60
            stage = (
                (used / 60 - options.minutes) / options.adversarial_minutes
                if adversarial
                else used / 60 / options.minutes
            )
            decay = 0.01 + 0.99 * (1 + math.cos(math.pi * min(stage, 1.0))) / 2
            peak = options.adversarial_lr if adversarial else options.lr
            self._set_learning_rate(optimizers["decoder"], peak * min((step + 1) / 100, decay))
            self._set_learning_rate(optimizers["adversary"], options.adversarial_lr * decay)
            columns, target = excerpts.draw()
            predicted = excerpts.inner(codec.decoder(columns))
            losses = {"spectral": spectral(predicted, target)}
            loss = losses["spectral"]
            if adversarial:
                losses["discriminator"] = adversary.discriminate(predicted.detach(), target)
                self._step(optimizers["adversary"], losses["discriminator"], adversary.parameters(), step)
                losses["fooling"], losses["features"] = adversary.fool(predicted, target)
                loss = SPECTRAL_WEIGHT * loss + losses["fooling"] + FEATURE_WEIGHT * losses["features"]
            self._step(optimizers["decoder"], loss, codec.decoder.parameters(), step)
            step += 1
            # Reading a value waits for the device.
            if step % 20 == 0:
                for name, value in losses.items():
                    running[name] = 0.9 * running.get(name, value.item()) + 0.1 * value.item()
            used += time.time() - started
            if time.time() - last_log > 15:
                shown = ", ".join(f"{name} {value:.4f}" for name, value in running.items())
                print(f"step {step}, {used / 60:.1f} of {total:g} min, {shown}", flush=True)
                last_log = time.time()
            if time.time() - last_save > options.save_interval:
                self._save(optimizers, adversary, step, used)
                last_save = time.time()
        codec.decoder.eval()
        self.codec = codec.cpu()
        self._save(optimizers, adversary, step, used)

    @staticmethod
    def _set_learning_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
        for group in optimizer.param_groups:
            group["lr"] = value

    def _step(
        self, optimizer: torch.optim.Optimizer, loss: torch.Tensor, parameters: list[nn.Parameter], step: int
    ) -> None:
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0 if optimizer.defaults["betas"][0] == 0.8 else 10.0)
        if step % 20 == 0 and not torch.isfinite(norm):
            raise InputError(f"The gradient is {norm} at step {step}; lower --lr (now {self.options.lr}).")
        optimizer.step()

    def _save(
        self,
        optimizers: dict[str, torch.optim.Optimizer] | None = None,
        adversary: nn.Module | None = None,
        step: int = 0,
        used: float = 0.0,
    ) -> None:
        """Codec and training state; each file is written under a temporary name and renamed, the counters last."""
        self.codec.config.dtype = "float32"
        self.codec.save_pretrained(self.folder)
        follow_umask(self.folder)
        if optimizers is None or adversary is None:
            return
        counters = {"step": str(step), "used": str(used)}
        tensors = {f"adversary.{name}": value.contiguous() for name, value in adversary.state_dict().items()}
        for part, optimizer in optimizers.items():
            tensors |= {f"{part}_optimizer.{name}": value for name, value in optimizer_tensors(optimizer).items()}
        save_file(tensors, self.folder / "training.partial", metadata=counters)
        (self.folder / "training.partial").rename(self.folder / "training.safetensors")

    def _load_state(self, optimizers: dict[str, torch.optim.Optimizer], adversary: nn.Module) -> tuple[int, float]:
        path = self.folder / "training.safetensors"
        if not path.exists():
            return 0, 0.0
        with safe_open(path, "pt") as file:
            counters = file.metadata()
        tensors = load_file(path, device=str(self.device))

        def part_of(prefix: str) -> dict[str, torch.Tensor]:
            return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

        adversary.load_state_dict(part_of("adversary."))
        for part, optimizer in optimizers.items():
            if state := part_of(f"{part}_optimizer."):
                load_optimizer_tensors(optimizer, state)
        print(f"decoder: continues at step {counters['step']}", flush=True)
        return int(counters["step"]), float(counters["used"])

    # -- what came of it ------------------------------------------------------------------------------------------

    @torch.no_grad()
    def report(self) -> dict:
        """Held-out clips by number of codebooks: log-mel distance, quantisation error, word errors; `report.json`."""
        codec, options = self.codec.eval(), self.options
        rate = codec.config.sampling_rate
        loss_function = SpectralLoss(rate)
        levels = sorted({min(level, codec.config.num_quantizers) for level in (8, 16, 32)})
        distances: dict[int, list[float]] = {level: [] for level in levels}
        left, energy = dict.fromkeys(levels, 0.0), 0.0
        spoken = {"recordings": []} | {level: [] for level in levels}
        chosen = [clip for clip in self.held_out_clips if clip[0].speaker == options.report_speaker]
        chosen = (chosen or self.held_out_clips)[: options.report_clips]
        for _, samples in chosen:
            waveform = self._waveform(samples)
            codes, latent = codec.encode(waveform[None]).audio_codes, codec.to_latent(waveform)
            energy += (latent - latent.mean(1)).square().sum().item()
            spoken["recordings"].append(waveform[0].numpy())
            for level in levels:
                decoded = codec.decode(codes[:, :level]).audio_values[:, 0]
                distances[level].append(loss_function(decoded, waveform).item())
                kept = dequantize(codes[:, :level].transpose(1, 2), codec.codebooks)
                left[level] += (latent - kept).square().sum().item()
                spoken[level].append(decoded[0].numpy())
        report = {
            "clips": len(chosen),
            "speaker": chosen[0][0].speaker,
            "log_mel_distance": {str(level): float(np.mean(values)) for level, values in distances.items()},
            "energy_left": {str(level): value / energy for level, value in left.items()},
            "parameters": sum(p.numel() for p in codec.parameters()),
        }
        try:
            from ..evaluation.recognizers import PocketsphinxRecognizer
            from ..evaluation.word_metrics import WordErrorRate

            recognizer, word_errors = PocketsphinxRecognizer(), WordErrorRate(keep_in_memory=True)
            texts = [row.text for row, _ in chosen]
            for name, waveforms in spoken.items():
                heard = [recognizer(wave, rate) for wave in waveforms]
                report[f"recognised_{name}"] = word_errors.compute(predictions=heard, references=texts)
        except ImportError as error:
            print(f"no word error rates: {error}", flush=True)
        (self.folder / "report.json").write_text(json.dumps(report, indent=2) + "\n")
        print(json.dumps(report, indent=2), flush=True)
        return report
