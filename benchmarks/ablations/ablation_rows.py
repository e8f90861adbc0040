"""The rows of the ablation table, in the order of their expected worth."""

from dataclasses import dataclass, field

from ...modeling_tts_trm import TtsTrmModel
from . import variants

# What every row changes something of: small enough to learn to speak in a few minutes of one core.
BASE = (
    "--text-embed-dim 160 --audio-embed-dim 160 --hidden-dim 320 --text-layers 3 --L-layers 1 --H-cycles 1 "
    "--L-cycles 1 --num-heads 4 --dropout 0.05 --max-text-length 256 --max-audio-frames 110 --frames-per-batch 400 "
    "--lr 5e-3 --weight-decay 0.05 --ema-decay 0.998"
)


@dataclass(frozen=True)
class Row:
    """One training, and the ways in which its result is made to speak.

    Args:
        name: unique, in the results.
        question: heading under which the report lists it.
        change: what differs from the base, for a reader.
        arguments: options of `run_training.py` that differ from `BASE`; where one is named twice the last one counts.
        config: fields of the configuration that are no options.
        model_class: a variant of the model.
        readings: by name, attributes of the model to speak with.
        speakers: whose clips are trained on; the first one is who is measured.
        first_speakers: whose clips are trained on in the first half of the time.
        sharpness: of `generate`, each with every one of the readings.
    """

    name: str
    question: str
    change: str
    arguments: str = ""
    config: dict = field(default_factory=dict)
    model_class: type[TtsTrmModel] = TtsTrmModel
    readings: dict[str, dict] = field(default_factory=lambda: {"": {}})
    speakers: tuple[str, ...] = ("kathleen", "slt")
    first_speakers: tuple[str, ...] = ()
    sharpness: tuple[float, ...] = (0.0, 0.75)


TIMING, SOUND, RECURSION, FEEDBACK, SPECIFICATION, INPUT = (
    "When is each character?",
    "Sharper sound",
    "Does recursion pay?",
    "Cycles as decoding",
    "From the specification to the base",
    "Text, positions, data",
)

ROWS = [
    Row("base", RECURSION, "one pass of one block: H 1, L 1"),
    Row("gaussian-4", TIMING, "Gaussians around centres instead of boxes", model_class=variants.Gaussian),
    Row(
        "gaussian-1",
        TIMING,
        "one Gaussian, read at 1 moment of each frame",
        "--upsampling-steps 1",
        model_class=variants.Gaussian,
    ),
    Row("h2-l1", RECURSION, "H 2, L 1", "--H-cycles 2"),
    Row("untied-2", RECURSION, "2 different blocks, one pass", "--L-layers 2"),
    Row("wide", RECURSION, "width 240, hidden 640", "--text-embed-dim 240 --audio-embed-dim 240 --hidden-dim 640"),
    Row("mixture", SOUND, "a mixture of 4 latents, the most probable one speaks", model_class=variants.Mixture),
    Row(
        "cross-entropy",
        SOUND,
        "cross-entropy of all codebooks in addition to the regression",
        config={"latent_cross_entropy_weight": 0.1},
    ),
    Row("alone", INPUT, "kathleen alone, no synthetic speaker", speakers=("kathleen",)),
    Row(
        "pretrained",
        INPUT,
        "slt in the first half of the time, then kathleen alone",
        speakers=("kathleen",),
        first_speakers=("slt",),
    ),
    Row(
        "feedback",
        FEEDBACK,
        "committed codes of codebook 0 re-enter",
        model_class=variants.TokenFeedback,
        readings={
            "1 pass": {},
            "2 passes": {"passes": 2},
            "4 passes": {"passes": 4},
            "8 passes": {"passes": 8},
            "8 passes, drawn at temperature 0.5": {"passes": 8, "temperature": 0.5},
        },
        sharpness=(0.75,),
    ),
    Row(
        "denoising",
        FEEDBACK,
        "cycles as denoising (flow matching)",
        model_class=variants.Denoising,
        readings={
            "1 pass from silence": {},
            "4 passes from silence": {"passes": 4},
            "8 passes, noise 1": {"passes": 8, "temperature": 1.0},
        },
    ),
    Row("no-convolution", INPUT, "no convolution in the feed-forward layers", "--convolution-kernel 0"),
    Row("text-1", INPUT, "1 text layer", "--text-layers 1"),
    Row("text-6", INPUT, "6 text layers", "--text-layers 6"),
    Row(
        "guidance",
        INPUT,
        "text and speaker dropped in 10 % of clips",
        model_class=variants.Guidance,
        readings={
            "strength 1": {},
            "strength 1.5": {"strength": 1.5},
            "strength 2": {"strength": 2.0},
            "strength 2.5": {"strength": 2.5},
        },
        sharpness=(0.75,),
    ),
    Row("character-dropout", INPUT, "5 % of the characters hidden", model_class=variants.CharacterDropout),
    Row("rotary", INPUT, "rotary positions", model_class=variants.Rotary),
    Row(
        "h2-random",
        RECURSION,
        "1 to 4 high-level cycles in training, drawn by batch",
        "--H-cycles 2",
        model_class=variants.RandomCycles,
        readings={f"{cycles} high-level cycles": {"cycles": cycles} for cycles in (2, 1, 3, 4, 6, 8)},
        sharpness=(0.75,),
    ),
    Row("h2-supervised", RECURSION, "H 2, a loss at every cycle", "--H-cycles 2", model_class=variants.DeepSupervision),
    Row("h2-last-gradient", RECURSION, "H 2, gradient through the last cycle", "--H-cycles 2 --gradient-cycles 1"),
    Row("h3-l1", RECURSION, "H 3, L 1", "--H-cycles 3"),
    Row("h2-l3", RECURSION, "H 2, L 3", "--H-cycles 2 --L-cycles 3"),
    Row("untied-6", RECURSION, "6 different blocks, one pass: the compute of H 2, L 3", "--L-layers 6"),
    Row("h1-l6", RECURSION, "H 1, L 6", "--L-cycles 6"),
    Row("h3-l6", RECURSION, "H 3, L 6: the original specification's cycles, one block", "--H-cycles 3 --L-cycles 6"),
    Row("no-average", RECURSION, "no average of the weights", "--ema-decay 0"),
    Row("box-1", TIMING, "the text is read at 1 moment of each frame", "--upsampling-steps 1"),
    Row("depth-head", SPECIFICATION, "codebook after codebook", "--codebook-head depth --fine-frame-fraction 0.125"),
    Row(
        "specification",
        SPECIFICATION,
        "the specification's decoder and head: no positions, no durations, cross-attention, parallel",
        "--codebook-head parallel --alignment none --answer-injection cross_attention --convolution-kernel 0",
        config={"frame_positions": False},
    ),
    Row(
        "specification-durations",
        SPECIFICATION,
        "the specification's, with durations from the aligner",
        "--codebook-head parallel --answer-injection cross_attention --convolution-kernel 0",
    ),
]
