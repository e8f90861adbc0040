"""Fitting the offline codec: principal components, residual k-means, and the training of the decoder."""

import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from ..audio.reading import AudioError, load_clip
from ..configuration_tts_trm_codec import TtsTrmCodecConfig
from ..data.held_out import is_held_out
from ..data.recordings import read_folder
from ..errors_tts_trm import InputError
from ..modeling_tts_trm_codec import TtsTrmCodec, dequantize, mel_filter_bank, residual_search
from .checkpoints import load_optimizer_tensors, optimizer_tensors

LOSS_RESOLUTIONS = ((256, 20), (512, 40), (1024, 80), (2048, 100))  # (window, mel bands), hop a quarter of the window
TRAINED_LEVELS = (8, 16, 32, 32)  # shares of the codebooks that the decoder learns to decode from, drawn at random
WHOLE_LEVELS = 4  # codebooks whose entries fill the whole latent space
SUBSPACE = 12  # dimensions that an entry of the others fills
VARIANCE_POWER = 0.3  # of each principal component that is divided out before k-means: 0 keeps, 1 whitens


class SpectralLoss(torch.nn.Module):
    """Mean absolute difference of log-mel magnitudes at four resolutions."""

    def __init__(self, sampling_rate: int):
        super().__init__()
        for size, bands in LOSS_RESOLUTIONS:
            self.register_buffer(f"bank_{size}", mel_filter_bank(sampling_rate, size, bands))
            self.register_buffer(f"window_{size}", torch.hann_window(size))

    def forward(self, predicted: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Two `[B, L]` waveforms to a scalar."""
        total = predicted.new_zeros(())
        for size, _ in LOSS_RESOLUTIONS:
            total = total + (self._log_mel(predicted, size) - self._log_mel(target, size)).abs().mean()
        return total / len(LOSS_RESOLUTIONS)

    def _log_mel(self, waveform: torch.Tensor, size: int) -> torch.Tensor:
        window = getattr(self, f"window_{size}")
        spectrum = torch.stft(waveform, size, size // 4, window=window, center=True, return_complex=True)
        # the small constant keeps the magnitude's gradient finite at zero
        magnitude = (spectrum.real.square() + spectrum.imag.square() + 1e-9).sqrt()
        return (magnitude.transpose(1, 2) @ getattr(self, f"bank_{size}") + 0.01).log()


class CodecTraining:
    """One run of `scripts/train_codec.py`; `options` are its arguments."""

    def __init__(self, options):
        self.options = options
        self.folder = Path(options.output_dir)
        self.folder.mkdir(parents=True, exist_ok=True)
        torch.set_flush_denormal(True)  # a CPU multiplies numbers next to nothing very slowly
        self.generator = torch.Generator().manual_seed(options.seed)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.codec = TtsTrmCodec(TtsTrmCodecConfig(**options.config)).eval()
        self.train_clips, self.held_out_clips = self._load_clips()

    def _load_clips(self):
        rows = [clip for folder in self.options.data_dir for clip in read_folder(folder)]
        random.Random(self.options.seed).shuffle(rows)
        rate, budget = self.codec.config.sampling_rate, self.options.max_hours * 3600
        train, held_out, seconds, skipped = [], [], 0.0, 0
        for row in rows:
            held = is_held_out(row.text, self.options.held_out)
            if not held and seconds > budget:
                continue
            try:
                samples = load_clip(row.audio, rate, row.name)
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

    def fit(self):
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

    def _fit_codebooks(self, latents: torch.Tensor):
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

    def train(self):
        """Trains the decoder until `--minutes` are used up, going on from the state in the folder."""
        options, codec = self.options, self.codec.to(self.device)
        codes = [
            codec.encode(self._waveform(samples)[None].to(self.device)).audio_codes[0].T.cpu()
            for _, samples in self.train_clips
        ]
        loss_function = SpectralLoss(codec.config.sampling_rate).to(self.device)
        optimizer = torch.optim.AdamW(codec.decoder.parameters(), lr=options.lr, betas=(0.8, 0.99), weight_decay=0.01)
        step, used = self._load_state(optimizer)
        codec.decoder.train()
        weights = torch.tensor([len(row) for row in codes], dtype=torch.float)
        last_save, last_log, running = time.time(), time.time(), None
        while used < options.minutes * 60:
            started = time.time()
            progress = used / (options.minutes * 60)
            for group in optimizer.param_groups:
                group["lr"] = options.lr * min((step + 1) / 100, 0.01 + 0.99 * (1 + math.cos(math.pi * progress)) / 2)
            latent, target = self._excerpts(codes, weights)
            loss = loss_function(codec.decode_latent(latent), target)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(codec.decoder.parameters(), 1.0)
            if not torch.isfinite(norm):
                raise InputError(f"The gradient is {norm} at step {step}; lower --lr (now {options.lr}).")
            optimizer.step()
            step, used = step + 1, used + time.time() - started
            running = loss.item() if running is None else 0.99 * running + 0.01 * loss.item()
            if time.time() - last_log > 15:
                print(f"step {step}, {used / 60:.1f} of {options.minutes:g} min, loss {running:.4f}", flush=True)
                last_log = time.time()
            if time.time() - last_save > options.save_interval:
                self._save(optimizer, step, used)
                last_save = time.time()
        codec.decoder.eval()
        self.codec = codec.cpu()
        self._save(optimizer, step, used)

    def _excerpts(self, codes, weights):
        """A batch of dequantised latents `[B, T, D]` and their waveforms `[B, L]`."""
        options, size = self.options, self.codec.config.frame_size
        latents, targets = [], []
        for index in torch.multinomial(
            weights, options.batch_size, replacement=True, generator=self.generator
        ).tolist():
            frames = options.excerpt_frames
            start = int(torch.randint(max(len(codes[index]) - frames, 0) + 1, (), generator=self.generator))
            levels = TRAINED_LEVELS[int(torch.randint(len(TRAINED_LEVELS), (), generator=self.generator))]
            part = codes[index][start : start + frames, :levels].to(self.device)
            latent = dequantize(part, self.codec.codebooks)
            waveform = self._waveform(self.train_clips[index][1])[0, start * size : (start + frames) * size]
            latents.append(F.pad(latent, (0, 0, 0, frames - len(latent))))
            targets.append(F.pad(waveform, (0, frames * size - len(waveform))))
        return torch.stack(latents), torch.stack(targets).to(self.device)

    def _save(self, optimizer=None, step=0, used=0.0):
        """Codec and optimizer state; each file is written beside its place and renamed, the counters last."""
        self.codec.config.dtype = "float32"
        self.codec.save_pretrained(self.folder)
        if optimizer is None:
            return
        counters = {"step": str(step), "used": str(used)}
        save_file(optimizer_tensors(optimizer), self.folder / "optimizer.partial", metadata=counters)
        (self.folder / "optimizer.partial").rename(self.folder / "optimizer.safetensors")

    def _load_state(self, optimizer) -> tuple[int, float]:
        path = self.folder / "optimizer.safetensors"
        if not path.exists():
            return 0, 0.0
        from safetensors import safe_open

        with safe_open(path, "pt") as file:
            counters = file.metadata()
        load_optimizer_tensors(optimizer, load_file(path))
        print(f"decoder: goes on at step {counters['step']}", flush=True)
        return int(counters["step"]), float(counters["used"])

    # -- what came of it ------------------------------------------------------------------------------------------

    @torch.no_grad()
    def report(self) -> dict:
        """Held-out clips by number of codebooks: log-mel distance, quantisation error, word errors; `report.json`."""
        codec, options = self.codec.eval(), self.options
        rate = codec.config.sampling_rate
        loss_function = SpectralLoss(rate)
        levels = sorted({min(level, codec.config.num_quantizers) for level in (8, 16, 32)})
        distances, left, energy = {level: [] for level in levels}, dict.fromkeys(levels, 0.0), 0.0
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
