"""Measures of how speech sounds, as `evaluate.Metric` classes: spectrum, pitch, voicing, length, speaker.

Two utterances of one sentence are compared along the path that dynamic time warping finds through their mel cepstra.
"""

from dataclasses import dataclass

import datasets
import evaluate
import numpy as np
import torch

from ..audio.features import HOP_LENGTH, mel_cepstra, pitch_contour
from ..configuration_tts_trm_codec import TtsTrmCodecConfig
from ..errors_tts_trm import InputError
from ..modeling_tts_trm_codec import VOICED, SpeechFeatures

# Of a natural logarithm of pitch.
CENTS = 1200 / np.log(2)


def warping_path(cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cheapest monotonic path from the first to the last pair: dynamic time warping (Sakoe & Chiba 1978).

    Args:
        cost: `[N, M]` distance of every frame of one utterance to every frame of the other.

    Returns:
        Rows and columns `[P]` of the path's pairs; each step goes on by one in one of them or in both.

    Raises:
        ValueError: if an utterance has no frame, or a cost is not finite.
    """
    if cost.ndim != 2 or 0 in cost.shape or not np.isfinite(cost).all():
        raise InputError(f"cost must be finite numbers [frames, frames], got shape {cost.shape}; is a clip empty?")
    rows, columns = cost.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0.0
    # The cells of an anti-diagonal do not depend on each other.
    for diagonal in range(2, rows + columns + 1):
        i = np.arange(max(1, diagonal - columns), min(rows, diagonal - 1) + 1)
        j = diagonal - i
        before = np.minimum(total[i - 1, j - 1], np.minimum(total[i - 1, j], total[i, j - 1]))
        total[i, j] = cost[i - 1, j - 1] + before
    i, j = rows, columns
    cells: list[tuple[int, int]] = []
    while i and j:
        cells.append((i - 1, j - 1))
        i, j = min(((i - 1, j - 1), (i - 1, j), (i, j - 1)), key=lambda cell: total[cell])
    path = np.array(cells[::-1])
    return path[:, 0], path[:, 1]


@dataclass
class Analysis:
    """Mel cepstra `[N, 13]` in dB and fundamental frequency `[N]` in Hz (0 where unvoiced) of one utterance."""

    cepstra: np.ndarray
    pitch: np.ndarray
    samples: int
    # Harmonics-to-noise ratio in dB, mean over voiced frames; NaN without voice.
    harmonics: float

    @classmethod
    def of(cls, waveform: np.ndarray, sampling_rate: int) -> "Analysis":
        """That of samples `[L]`; raises `ValueError` if there is none, or one is not finite."""
        waveform = np.asarray(waveform, dtype=np.float32)
        if waveform.ndim != 1 or len(waveform) == 0 or not np.isfinite(waveform).all():
            raise InputError(f"An utterance must be finite samples [samples], got shape {waveform.shape}.")
        cepstra, pitch = mel_cepstra(waveform, sampling_rate), pitch_contour(waveform, sampling_rate)
        frames = min(len(cepstra), len(pitch))
        return cls(cepstra[:frames], pitch[:frames], len(waveform), harmonics_to_noise(waveform, sampling_rate))


def compare(speech: Analysis, reference: Analysis) -> dict[str, float]:
    """Distances of two utterances of one sentence; NaN where neither path nor voice allows a number.

    See [`AcousticDistance`] for what they are.
    """
    squares = (speech.cepstra**2).sum(1)[:, None] + (reference.cepstra**2).sum(1)
    distance = np.sqrt(np.maximum(2 * (squares - 2 * speech.cepstra @ reference.cepstra.T), 0.0))
    rows, columns = warping_path(distance)
    pitch, reference_pitch = speech.pitch[rows], reference.pitch[columns]
    both = (pitch > 0) & (reference_pitch > 0)
    logs, reference_logs = np.log(pitch[both]), np.log(reference_pitch[both])
    moves = both.sum() > 1 and logs.std() > 1e-6 and reference_logs.std() > 1e-6
    voiced = reference_pitch > 0
    return {
        "voiced_share": float((pitch[voiced] > 0).mean()) if voiced.any() else float("nan"),
        "f0_error_cents": float(np.median(np.abs(logs - reference_logs)) * CENTS) if both.any() else float("nan"),
        "harmonics_difference": speech.harmonics - reference.harmonics,
        "mel_cepstral_distance": float(distance[rows, columns].mean()),
        "log_f0_error": float(np.sqrt(np.mean((logs - reference_logs) ** 2))) if both.any() else float("nan"),
        "log_f0_correlation": float(np.corrcoef(logs, reference_logs)[0, 1]) if moves else float("nan"),
        "voicing_error": float(((pitch > 0) != (reference_pitch > 0)).mean()),
        "length_ratio": speech.samples / reference.samples,
    }


def harmonics_to_noise(waveform: np.ndarray, sampling_rate: int) -> float:
    """Mean harmonics-to-noise ratio of the voiced columns of samples `[L]`, in dB; NaN where nothing is voiced.

    From the height r of the autocorrelation's peak, 10 log10(r / (1 - r)) (Boersma 1993), as the codec measures it.
    """
    features = SpeechFeatures(TtsTrmCodecConfig(sampling_rate=sampling_rate))
    samples = torch.nn.functional.pad(torch.as_tensor(waveform), (0, -len(waveform) % HOP_LENGTH))
    periodicity = features.split(features(samples[None]))[2][0]
    voiced = periodicity[periodicity > VOICED].clamp(max=0.9999).double()
    return float((10 * (voiced / (1 - voiced)).log10()).mean()) if len(voiced) else float("nan")


class AcousticDistance(evaluate.Metric):
    """How far utterances are from recordings of the same sentences; the mean over sentences of [`compare`]."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=(
                "Mel-cepstral distance sqrt(2 sum_d (c_d - c'_d)^2) of 13 coefficients in dB (Kubichek 1993; from "
                "mel spectra as in Skerry-Ryan et al. 2018, arXiv:1803.09047), root-mean-square error and correlation "
                "of the natural log of the pitch where both are voiced, share of pairs with only one voiced, and "
                "lengths; all along the path of dynamic time warping."
            ),
            citation="",
            inputs_description="""
Args:
    predictions, references: samples `[L]`, floats, of each sentence; the lengths may differ.
    sampling_rate: of all of them, in Hz.

Returns:
    `voiced_share` (0..1, of what is voiced in the reference), `f0_error_cents` (median), `harmonics_difference` (of
    the harmonics-to-noise ratios, dB), `mel_cepstral_distance` (dB), `log_f0_error`, `log_f0_correlation`,
    `voicing_error` (0..1), `length_ratio`; None where no sentence has voice enough.
""",
            features=datasets.Features(
                {name: datasets.List(datasets.Value("float32")) for name in ("predictions", "references")}
            ),
        )

    def _compute(self, predictions: list, references: list, sampling_rate: int) -> dict:
        results = [
            compare(Analysis.of(speech, sampling_rate), Analysis.of(reference, sampling_rate))
            for speech, reference in zip(predictions, references, strict=True)
        ]
        means = {}
        for name in results[0]:
            values = [result[name] for result in results if not np.isnan(result[name])]
            means[name] = float(np.mean(values)) if values else None
        return means


class SpeakerSimilarity(evaluate.Metric):
    """Mean cosine of speaker embeddings; 1 is the same voice."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Mean cosine between the embeddings of utterances and of their speaker.",
            citation="",
            inputs_description="""
Args:
    predictions, references: embeddings `[D]` of each utterance, and of the speaker whose it should be.

Returns:
    `speaker_similarity`, -1..1.
""",
            features=datasets.Features(
                {name: datasets.List(datasets.Value("float32")) for name in ("predictions", "references")}
            ),
        )

    def _compute(self, predictions: list, references: list) -> dict:
        cosines = []
        for pair in zip(predictions, references, strict=True):
            embedding, speaker = map(np.asarray, pair)
            norm = np.linalg.norm(embedding) * np.linalg.norm(speaker)
            if np.shape(embedding) != np.shape(speaker) or not norm > 0:
                raise InputError(
                    f"Embeddings {np.shape(embedding)} and {np.shape(speaker)} must be equally long and not zero; do "
                    "both come from one encoder?"
                )
            cosines.append(float(embedding @ speaker / norm))
        return {"speaker_similarity": float(np.mean(cosines))}


def speaker_centroids(embeddings: np.ndarray) -> np.ndarray:
    """For each of N recordings of a speaker the mean embedding of the others: `[N, D]` to `[N, D]`.

    Without the others' mean a recording would be compared with itself, and speech with the very words it repeats.

    Raises:
        ValueError: for less than two recordings.
    """
    embeddings = np.asarray(embeddings, dtype=np.float64)
    if len(embeddings) < 2:
        raise InputError("Speaker similarity needs two recordings of a speaker or more; raise --sentences.")
    embeddings = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    return (embeddings.sum(0) - embeddings) / (len(embeddings) - 1)
