"""A voice as two ONNX graphs, text to codes and codes to audio, and how far they are from torch.

Both compute what `generate` and the codec's `decode` compute, in the same order, but without a branch on a value, and
for a batch as padded arrays: a flat list of real frames has no fixed place for an item's frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from onnxscript import opset18
from torch import nn

from ..errors_tts_trm import InputError
from ..generation_tts_trm import PADDING_CODE
from ..modeling_tts_trm import TtsTrmModel
from ..modeling_tts_trm_codec import TtsTrmCodec
from ..modeling_tts_trm_layers import length_mask, of_speakers
from ..speaking.voice import Voice

# Of February 2023: whatever runs ONNX has it.
OPSET = 18
# Values below which a tensor is not worth the cast.
MIN_HALF = 1024
INPUTS = ("input_ids", "attention_mask", "speaker_shares", "speed", "sharpness", "num_frames")
OUTPUTS = ("codes", "lengths", "durations")


class ResidualSearch(nn.Module):
    """`residual_search` in the codebooks `[K, V, D]` of one chain.

    Each level has a tensor of its own, negated, so that it is one product and one lookup as it lies in the file; out
    of a common tensor, onnxruntime would cut and turn them all whenever it loads the graph, which takes seconds.
    """

    def __init__(self, codebooks: torch.Tensor) -> None:
        super().__init__()
        self.levels = len(codebooks)
        for level, entries in enumerate(codebooks.float()):
            self.register_buffer(f"negated_{level}", -entries)
            self.register_buffer(f"half_norms_{level}", entries.square().sum(-1) / 2)

    def forward(self, residual: torch.Tensor) -> torch.Tensor:
        """`[N, D]` to codes `[N, K]`."""
        codes = []
        for level in range(self.levels):
            negated = getattr(self, f"negated_{level}")
            codes.append(F.linear(residual, negated, getattr(self, f"half_norms_{level}")).argmin(-1))
            residual = residual + F.embedding(codes[-1], negated)
        return torch.stack(codes, -1)


class ModelGraph(nn.Module):
    """`generate` of a model with a latent head and durations, its codes the nearest ones."""

    def __init__(self, model: TtsTrmModel) -> None:
        super().__init__()
        if model.upsampler is None:
            raise InputError("A model without durations cannot be exported.")
        self.model, self.upsampler = model, model.upsampler
        self.searches = nn.ModuleList(ResidualSearch(model.head.codebooks[part]) for part, _ in model.head._chains())

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        speaker_shares: torch.Tensor,
        speed: torch.Tensor,
        sharpness: torch.Tensor,
        num_frames: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Codes `[B, K, T]`, lengths `[B]` and durations `[B, S]`; the arguments as in docs/onnx.md."""
        model, head = self.model, self.model.head
        text = model.text_encoder(input_ids, attention_mask, speaker_shares)
        durations = self.upsampler.predict(text, attention_mask)
        total = durations.sum(-1)
        lengths = torch.where(num_frames > 0, num_frames, (total / speed).round().long().clamp(min=1))
        durations = durations * (lengths / total.clamp(min=1e-3))[:, None]
        size = lengths.max().item()
        # For the tracer alone: with 1 it would ask whether to broadcast.
        torch._check(size > 1)
        answer = model._answers(text, durations, attention_mask, lengths, size)[-1]

        real = length_mask(lengths, size)
        latent = head.latent(answer)
        mean = (latent * real[..., None]).sum(1, keepdim=True) / lengths[:, None, None]
        gain = 1 + sharpness[:, None] * (of_speakers(head.latent_gain, speaker_shares) - 1)
        latent = mean + gain[:, None] * (latent - mean)
        chains = zip(self.searches, head._chains(), strict=True)
        codes = torch.cat([search(latent[..., dims].flatten(0, 1)) for search, (_, dims) in chains], -1)
        codes = torch.where(real[..., None], codes.unflatten(0, (-1, size)), PADDING_CODE)
        return codes.transpose(1, 2), lengths, durations


class CodecGraph(nn.Module):
    """`decode` of the offline codec, its Fourier transforms as products with the waves of all frequencies."""

    def __init__(self, codec: TtsTrmCodec) -> None:
        super().__init__()
        self.codec, decoder = codec, codec.decoder
        size, self.hop_length, self.padding = codec.config.fft_size, codec.config.hop_length, decoder.padding
        self.register_buffer("entries", codec.codebooks.float().flatten(0, 1))
        window = torch.hann_window(size, dtype=torch.float64)
        # Shape [fft_size, frequencies].
        spectrum = torch.fft.rfft(torch.eye(size, dtype=torch.float64) * window)
        self.register_buffer("analysis", torch.cat((spectrum.real, spectrum.imag), 1).T.float()[:, None])
        unit = torch.eye(size // 2 + 1, dtype=torch.complex128)
        waves = torch.cat([torch.fft.irfft(unit, n=size), torch.fft.irfft(1j * unit, n=size)])
        # [2 frequencies, 1, fft_size].
        self.register_buffer("synthesis", (waves * window).float()[:, None])
        self.register_buffer("energy", window.square().float()[None, None])
        # The noise repeats after so many columns, and so does its spectrum.
        columns = len(decoder.noise) // self.hop_length
        noise = decoder.excitation(torch.full((1, columns), 100.0))[1][0]
        # Shape [columns, 2 frequencies].
        self.register_buffer("noise", torch.cat((noise.real, noise.imag), 1))

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """`[B, K, T]`, any number K of the first codebooks, to samples `[B, T * frame_size]`."""
        decoder, stride = self.codec.decoder, self.hop_length
        offsets = torch.arange(codes.shape[1]) * self.codec.config.codebook_size
        latent = F.embedding(codes + offsets[None, :, None], self.entries).sum(1)
        columns = self.codec.to_columns(latent)
        pulse_gain, phase, noise_gain = (control.transpose(1, 2) for control in decoder.controls(columns))
        pulses = decoder.pulses(decoder.features.split(columns)[1])
        real, imaginary = F.conv1d(pulses[:, None], self.analysis, stride=stride, padding=self.padding).chunk(2, 1)
        places = torch.arange(columns.shape[1]) % len(self.noise)
        noise_real, noise_imaginary = F.embedding(places, self.noise).T[None].chunk(2, 1)
        cosine, sine = pulse_gain * phase.cos(), pulse_gain * phase.sin()
        spectrum = torch.cat(
            (
                real * cosine - imaginary * sine + noise_real * noise_gain,
                real * sine + imaginary * cosine + noise_imaginary * noise_gain,
            ),
            1,
        )
        added = F.conv_transpose1d(spectrum, self.synthesis, stride=stride, padding=self.padding)
        ones = torch.ones_like(spectrum[:1, :1])
        energy = F.conv_transpose1d(ones, self.energy, stride=stride, padding=self.padding)
        return (added / energy.clamp(min=1e-5))[:, 0].clamp(-1.0, 1.0)


def model_graph(voice: Voice) -> bytes:
    """Text to codes, as an ONNX file."""
    implementation = voice.model.config._attn_implementation
    voice.model.set_attn_implementation("eager")
    try:
        arguments = _random_inputs(voice, lengths=(9, 7))
        axes = {name: {0: "batch"} for name in INPUTS}
        axes["input_ids"] = axes["attention_mask"] = {0: "batch", 1: "characters"}
        return _export(ModelGraph(voice.model).eval(), arguments, axes, OUTPUTS, {"codes": {2: "frames"}})
    finally:
        voice.model.set_attn_implementation(implementation)


def codec_graph(voice: Voice) -> bytes:
    """Codes to audio, as an ONNX file."""
    codec = voice.processor.codec_model
    codes = torch.zeros(2, min(3, codec.config.num_quantizers), 5, dtype=torch.long)
    axes = {"codes": {0: "batch", 1: "codebooks", 2: "frames"}}
    return _export(CodecGraph(codec).eval(), {"codes": codes}, axes, ("waveform",), {"waveform": {1: "samples"}})


def _export(graph: nn.Module, arguments: dict, axes: dict, outputs: Sequence[str], output_axes: dict) -> bytes:
    """The traced graph, sizes of `axes` dynamic; `output_axes` names sizes that are computed."""
    dynamic = {
        name: {place: torch.export.Dim(axis, min=1) for place, axis in each.items()} for name, each in axes.items()
    }
    log_sigmoid = torch.ops.aten.log_sigmoid

    # The exporter's own is the logarithm of 0 far from an edge.
    def stable_log_sigmoid(x: torch.Tensor) -> torch.Tensor:
        return opset18.Neg(opset18.Softplus(opset18.Neg(x)))

    with torch.no_grad():
        program = torch.onnx.export(
            graph,
            kwargs=arguments,
            dynamo=True,
            dynamic_shapes=dynamic,
            input_names=list(arguments),
            output_names=list(outputs),
            opset_version=OPSET,
            custom_translation_table={log_sigmoid.default: stable_log_sigmoid},
            verbose=False,
        )
    model = program.model_proto
    for value in model.graph.output:
        for place, axis in output_axes.get(value.name, {}).items():
            value.type.tensor_type.shape.dim[place].dim_param = axis
    # Inner shapes, which whatever runs the graph infers itself.
    del model.graph.value_info[:]
    _halve(model)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _halve(model: onnx.ModelProto) -> None:
    """Stores in float16 what float16 holds exactly, as a voice's weights are stored; computed with in float32."""
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < MIN_HALF:
            continue
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if np.array_equal(half.astype(np.float32), values):
            name = f"{tensor.name}_half"
            casts.append(helper.make_node("Cast", [name], [tensor.name], to=TensorProto.FLOAT))
            tensor.CopyFrom(numpy_helper.from_array(half, name))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


@dataclass
class Differences:
    """Between the graphs and torch."""

    # Frames with differing codes.
    frames: int = 0
    all_frames: int = 0
    codes: int = 0
    # The largest, in frames.
    durations: float = 0.0
    # The largest, of samples of the same codes.
    waveform: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.codes} codes in {self.frames} of {self.all_frames} frames differ, durations by up to "
            f"{self.durations:.1g} frames, the waveform of the same codes by up to {self.waveform:.1g}"
        )


def _random_inputs(voice: Voice, lengths: Sequence[int], seed: int = 0) -> dict[str, torch.Tensor]:
    """A padded batch of texts of the voice's own characters, spoken by blends, each at a speed of its own."""
    config, batch = voice.model.config, len(lengths)
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, len(voice.processor.tokenizer), (batch, max(lengths)), generator=generator)
    mask = length_mask(torch.tensor(lengths), max(lengths)).long()
    shares = torch.rand(batch, config.num_speakers, generator=generator)
    return {
        "input_ids": ids * mask,
        "attention_mask": mask,
        "speaker_shares": shares / shares.sum(-1, keepdim=True),
        "speed": torch.linspace(1.0, 1.5, batch),
        "sharpness": torch.linspace(0.75, 0.0, batch),
        "num_frames": torch.zeros(batch, dtype=torch.long),
    }


def compare(voice: Voice, model: bytes, codec: bytes) -> Differences:
    """Has the graphs and torch speak the same batches of random texts, short and long ones together.

    Raises:
        ValueError: if a length differs, or an output is not finite.
    """
    import onnxruntime

    speak, decode = (onnxruntime.InferenceSession(graph) for graph in (model, codec))
    limit = min(voice.model.config.max_text_length, voice.model.config.max_audio_frames // 3)
    differences = Differences()
    for seed in range(4):
        inputs = _random_inputs(voice, (max(3, limit // (seed + 1)), max(2, limit // 4)), seed)
        outputs = speak.run(OUTPUTS, {name: value.numpy() for name, value in inputs.items()})
        for row, (codes, length, durations) in enumerate(zip(*outputs, strict=True)):
            text = inputs["input_ids"][row, inputs["attention_mask"][row].bool()]
            true = voice.model.generate(
                text[None],
                speaker_id=inputs["speaker_shares"][row : row + 1],
                speed=float(inputs["speed"][row]),
                sharpness=float(inputs["sharpness"][row]),
                do_sample=False,
                return_dict_in_generate=True,
            )
            if length != true.lengths[0]:
                raise InputError(f"The graph speaks {length} frames, torch {int(true.lengths[0])}; please report this.")
            different = codes[:, :length] != true.sequences[0].numpy()
            differences.codes += int(different.sum())
            differences.frames += int(different.any(0).sum())
            differences.all_frames += int(length)
            error = np.abs(durations[: len(text)] - true.durations[0].numpy()).max()
            waveform = decode.run(None, {"codes": true.sequences.numpy()})[0][0]
            if not (np.isfinite(durations).all() and np.isfinite(waveform).all()):
                raise InputError("The graphs give numbers that are not finite; please report this.")
            samples = np.abs(waveform - voice.processor.decode(true.sequences)[0].numpy()).max()
            differences.durations = max(differences.durations, float(error))
            differences.waveform = max(differences.waveform, float(samples))
    return differences
