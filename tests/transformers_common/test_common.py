"""transformers' own common tests on our classes; see `upstream.py` for where they come from.

The `..._LEFT_OUT` tables say why a test is left out. What the library itself skips (no GPU, no flash attention, not
a vision model) it gives its own reason for; pytest's `-rs` shows both. Two testers are not used at all: that of
pipelines draws its models from the Hub (`tests/model/test_remote_code.py` runs ours), and that of feature extractors is
for one of our own, where we use Encodec's.
"""

import copy
import string
import sys
import unittest
import unittest.mock
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
import upstream  # noqa: F401
from transformers import EncodecFeatureExtractor
from transformers.utils import ModelOutput
from transformers_tests.test_configuration_common import ConfigTester
from transformers_tests.test_modeling_common import ModelTesterMixin, ids_tensor
from transformers_tests.test_processing_common import ProcessorTesterMixin

import tts_trm.processing_tts_trm as processing
from tts_trm import TtsTrmCodec, TtsTrmCodecConfig, TtsTrmConfig, TtsTrmModel, TtsTrmProcessor

TINY = dict(
    vocab_size=20,
    num_speakers=2,
    text_embed_dim=16,
    audio_embed_dim=16,
    hidden_dim=16,
    speaker_dim=8,
    text_layers=1,
    l_layers=1,
    h_cycles=2,
    l_cycles=1,
    num_heads=2,
    num_codebooks=4,
    codebook_size=16,
    codebook_chains=[1, 3],
    codebook_entry_dim=8,
    codebook_dim=8,
    dropout=0.0,
)


MODEL_LEFT_OUT = {
    "test_attention_outputs": "The weights of three attentions in h x l cycles are not collected; `generate` returns "
    "the alignment of text and frames instead.",
    "test_hidden_states_output": "The states of a recursion are no stack of layers; `return_cycles` reports on them.",
    "test_retain_grad_hidden_states_attentions": "There are no hidden states or attentions in the output; that "
    "gradients reach every parameter is tested in tests/model/test_model_common.py.",
}
MODEL_LEFT_OUT |= dict.fromkeys(
    (name for name in dir(ModelTesterMixin) if name.endswith(("_pad_left", "_pad_left_sdpa_kernels"))),
    "Texts are padded on the right only; a mask that hides a character before a real one is refused.",
)
RANDOM_CODEBOOKS_LEFT_OUT = {
    "test_init_weights_can_init_buffers": "The codebooks of an untrained model are drawn at random in `_init_weights`, "
    "so that its codes differ, and the test compares two draws; tests/model/test_model_common.py tests that they are "
    "drawn.",
}
CODEC_LEFT_OUT = RANDOM_CODEBOOKS_LEFT_OUT | {
    "test_hidden_states_output": "The codec turns audio into codes and back; it has no hidden states to show.",
    "test_retain_grad_hidden_states_attentions": "The codec has no hidden states to keep gradients of.",
    "test_model_outputs_equivalence": "Asks for hidden states as well; tests/model/test_model_common.py compares "
    "tuples and dictionaries.",
    "test_model_get_set_embeddings": "Audio goes in: there is no embedding.",
}
PROCESSOR_LEFT_OUT = {
    "test_call_arguments_default_none": "`normalize` is on unless it is switched off, and its default says so.",
    "test_model_input_names": "`audio_codes` are what the model learns to predict, no input of it.",
    "test_tokenizer_decode_defaults": "`decode` turns codes into audio, as the text-to-speech pipeline wants it.",
}


def leave_out(reasons: dict[str, str]):
    """Class decorator: skips the named tests, which must exist, with their reasons."""

    def decorate(test_class):
        for name, reason in reasons.items():
            getattr(test_class, name)
            setattr(test_class, name, unittest.skip(reason)(lambda self: None))
        return test_class

    return decorate


class ModelTester:
    """Sizes and inputs, in the form that the library's tests ask for."""

    batch_size, seq_length, num_frames, num_hidden_layers, is_training = 13, 7, 9, 1, True

    def __init__(self, **config):
        self.config = config

    def get_config(self):
        return TtsTrmConfig(**(TINY | self.config))

    def prepare_config_and_inputs_for_common(self):
        config = self.get_config()
        inputs = {
            "input_ids": ids_tensor([self.batch_size, self.seq_length], config.vocab_size),
            "attention_mask": torch.ones(self.batch_size, self.seq_length, dtype=torch.long),
            "speaker_id": ids_tensor([self.batch_size], config.num_speakers),
            "num_frames": torch.full([self.batch_size], self.num_frames),
        }
        return config, inputs


class LibraryForward(TtsTrmModel):
    """The answer y under the name `hidden_states`, by which some tests look for what they compare."""

    def forward(self, input_ids, attention_mask=None, **kwargs):
        kwargs = {key: value for key, value in kwargs.items() if not key.startswith("output_")}
        output = super().forward(input_ids, attention_mask, **kwargs)
        if isinstance(output, ModelOutput):
            output["hidden_states"] = (output.last_hidden_state,)
        return output


@leave_out(MODEL_LEFT_OUT)
class ModelTests(ModelTesterMixin):
    all_model_classes = (TtsTrmModel,)
    # `generate` is our own: no step takes the codes of the step before.
    all_generative_model_classes = ()
    test_can_init_all_missing_weights_before_2023 = True
    additional_model_inputs = ["speaker_id", "num_frames"]
    config = {}

    def setUp(self):
        self.model_tester = ModelTester(**self.config)
        if self._testMethodName.startswith(("test_eager_matches_sdpa_inference", "test_model_outputs_equivalence")):
            self.all_model_classes = (LibraryForward,)

    def _prepare_for_class(self, inputs_dict, model_class, return_labels=False):
        inputs = copy.deepcopy(inputs_dict)
        if return_labels:
            batch, frames = self.model_tester.batch_size, self.model_tester.num_frames
            generator = torch.Generator().manual_seed(0)
            shape = (batch, TINY["num_codebooks"], frames)
            inputs["labels"] = torch.randint(TINY["codebook_size"], shape, generator=generator)
            inputs["durations"] = torch.full(inputs["input_ids"].shape, frames / self.model_tester.seq_length)
        return inputs


@leave_out(RANDOM_CODEBOOKS_LEFT_OUT)
class LatentModelTest(ModelTests, unittest.TestCase):
    pass


class SpecifiedModelTest(ModelTests, unittest.TestCase):
    config = dict(alignment="none", answer_injection="cross_attention", codebook_head="parallel")


class DepthModelTest(ModelTests, unittest.TestCase):
    config = dict(alignment="length", codebook_head="depth", share_output_heads=True)


class ConfigTest(unittest.TestCase):
    def test_model_config(self):
        ConfigTester(self, TtsTrmConfig, common_properties=["text_embed_dim", "num_heads"], **TINY).run_common_tests()

    def test_codec_config(self):
        ConfigTester(
            self,
            TtsTrmCodecConfig,
            has_text_modality=False,
            common_properties=["sampling_rate", "frame_rate", "num_quantizers"],
            codebook_size=16,
            num_layers=1,
        ).run_common_tests()


class CodecTester:
    batch_size, seq_length, num_hidden_layers, is_training = 3, 400, 1, False

    def get_config(self):
        return TtsTrmCodecConfig(
            sampling_rate=1000,
            frame_size=80,
            hop_length=20,
            fft_size=64,
            num_mel_bands=8,
            latent_dim=8,
            num_quantizers=4,
            codebook_size=16,
            num_layers=1,
            hidden_size=16,
            intermediate_size=16,
            kernel_size=3,
        )

    def prepare_config_and_inputs_for_common(self):
        return self.get_config(), {"input_values": torch.randn(self.batch_size, 1, self.seq_length)}


@leave_out(CODEC_LEFT_OUT)
class CodecTest(ModelTesterMixin, unittest.TestCase):
    all_model_classes = (TtsTrmCodec,)
    test_can_init_all_missing_weights_before_2023 = True
    has_attentions = False
    test_resize_embeddings = False

    def setUp(self):
        self.model_tester = CodecTester()


class ProcessorAtOneRate(TtsTrmProcessor):
    """The tests give audio without its rate, which ours insists on, and compare what saving stamps on a processor."""

    audio_kwargs = {"sampling_rate": 1000, "return_tensors": "pt"}
    _auto_class = None


@leave_out(PROCESSOR_LEFT_OUT)
class ProcessorTest(ProcessorTesterMixin, unittest.TestCase):
    processor_class = ProcessorAtOneRate
    audio_input_name = audio_input_name_values = "audio_codes"

    @classmethod
    def setUpClass(cls):
        # a small codec under the name of the one that cannot be downloaded
        codec = TtsTrmCodec(CodecTester().get_config()).eval()
        patch = unittest.mock.patch.dict(processing._loaded_codecs, {("kyutai/mimi", "", None): codec})
        patch.start()
        cls.addClassCleanup(patch.stop)
        super().setUpClass()

    @classmethod
    def _setup_tokenizer(cls):
        return processing.build_tokenizer([string.ascii_letters + string.punctuation])

    @classmethod
    def _setup_feature_extractor(cls):
        return EncodecFeatureExtractor(sampling_rate=1000)
