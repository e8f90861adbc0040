"""`generate()`: lengths, sampling, defaults, and what it ignores and refuses."""

import itertools
import json
import logging

import pytest
import torch
from tiny import HEADS, tiny_model
from transformers import GenerationConfig
from transformers.utils import logging as transformers_logging

from tts_trm import TtsTrmModel

IDS = torch.tensor([[3, 4, 5, 6, 7, 8], [9, 10, 11, 0, 0, 0]])
MASK = (IDS > 0).long()


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def lengths_of(sequences):
    return (sequences[:, 0] >= 0).sum(-1).tolist()


# -- lengths ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", HEADS)
def test_codes_end_with_each_item_and_padding_is_minus_one(head):
    model = tiny_model(codebook_head=head)
    output = model.generate(IDS, MASK, return_dict_in_generate=True, generator=seeded())
    sequences, lengths = output.sequences, output.lengths.tolist()
    assert lengths[0] != lengths[1] and sequences.shape == (2, 5, max(lengths)) and sequences.dtype == torch.long
    for codes, length in zip(sequences, lengths, strict=True):
        assert 0 <= codes[:, :length].min() and codes[:, :length].max() < 12
        assert (codes[:, length:] == -1).all()
    torch.testing.assert_close(output.durations.sum(-1), output.lengths.float())
    torch.testing.assert_close(output.alignment.sum(-1), torch.ones(2, max(lengths)))
    assert torch.equal(model.generate(IDS, MASK, generator=seeded()), sequences)


@pytest.mark.parametrize("head", HEADS)
def test_an_item_sounds_the_same_alone_and_in_a_batch(head):
    model = tiny_model(codebook_head=head)
    together = model.generate(IDS, MASK, torch.tensor([1, 2]), do_sample=False)
    for index, count in enumerate((6, 3)):
        alone = model.generate(IDS[index : index + 1, :count], speaker_id=index + 1, do_sample=False)
        assert torch.equal(alone[0], together[index, :, : alone.shape[-1]])
        assert (together[index, :, alone.shape[-1] :] == -1).all()


def test_wanted_number_of_frames_for_all_and_for_each():
    model = tiny_model()
    assert lengths_of(model.generate(IDS, MASK, num_frames=7)) == [7, 7]
    assert lengths_of(model.generate(IDS, MASK, num_frames=torch.tensor([9, 2]))) == [9, 2]
    output = model.generate(IDS, MASK, num_frames=[9, 2], return_dict_in_generate=True)
    torch.testing.assert_close(output.durations.sum(-1), torch.tensor([9.0, 2.0]))


def test_speed_divides_the_length_and_scales_every_duration():
    model = tiny_model()
    model.upsampler.duration.bias.data.fill_(3.0)
    normal, fast, slow = (
        model.generate(IDS, MASK, speed=speed, return_dict_in_generate=True) for speed in (1.0, 2.0, 0.5)
    )
    assert (normal.lengths - 2 * fast.lengths).abs().max() <= 1
    assert (slow.lengths - 2 * normal.lengths).abs().max() <= 1
    torch.testing.assert_close(fast.durations, normal.durations * (fast.lengths / normal.lengths)[:, None])


def test_without_alignment_the_guide_s_rule_applies_and_is_cut_at_the_limit():
    model = tiny_model(alignment="none")
    assert lengths_of(model.generate(IDS, MASK)) == [18, 9]
    assert lengths_of(model.generate(IDS, MASK, frames_per_character=2.0)) == [12, 6]
    assert lengths_of(model.generate(IDS, MASK, speed=2.0)) == [9, 4]
    # 60 are over max_audio_frames.
    assert lengths_of(model.generate(torch.full((1, 20), 3))) == [48]
    assert model.generate(IDS, MASK, return_dict_in_generate=True).alignment is None


def test_cycles_can_be_changed_and_observed():
    model = tiny_model(h_cycles=3)
    output = model.generate(IDS, MASK, output_cycles=True, return_dict_in_generate=True)
    assert output.cycle_changes.shape == (2,) and output.cycle_changes.min() > 0
    more = model.generate(IDS, MASK, h_cycles=5, l_cycles=3, output_cycles=True, return_dict_in_generate=True)
    assert more.cycle_changes.shape == (4,) and torch.equal(more.lengths, output.lengths)
    assert not torch.equal(more.sequences, output.sequences)
    assert model.generate(IDS, MASK, return_dict_in_generate=True).cycle_changes is None


@pytest.mark.parametrize("head", HEADS)
def test_any_number_of_cycles_gives_finite_answers(head):
    model = tiny_model(codebook_head=head)
    for h_cycles, l_cycles in itertools.product(range(1, 7), repeat=2):
        cycles = dict(h_cycles=h_cycles, l_cycles=l_cycles, output_cycles=True, return_dict_in_generate=True)
        output = model.generate(IDS, MASK, **cycles)
        assert output.cycle_changes.isfinite().all() and len(output.cycle_changes) == h_cycles - 1
        assert output.sequences.amax() < 12 and (output.sequences[:, :, 0] >= 0).all()


def test_an_answer_that_is_not_finite_is_no_speech():
    """A search for the nearest entry finds one for it all the same."""
    model = tiny_model()
    model.recursion.updater.norm.weight.data[0] = float("nan")
    with pytest.raises(FloatingPointError, match="weights are damaged, or too large for half precision"):
        model.generate(IDS, MASK)


# -- sampling -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", ["depth", "parallel"])
def test_sampling_is_the_default_and_reproducible(head):
    model = tiny_model(codebook_head=head)
    first = model.generate(IDS, MASK, generator=seeded(1))
    assert torch.equal(first, model.generate(IDS, MASK, generator=seeded(1)))
    assert not torch.equal(first, model.generate(IDS, MASK, generator=seeded(2)))
    assert not torch.equal(first, model.generate(IDS, MASK, do_sample=False))


@pytest.mark.parametrize("head", HEADS)
def test_ways_to_be_greedy_agree(head):
    model = tiny_model(codebook_head=head)
    greedy = model.generate(IDS, MASK, do_sample=False)
    for settings in (
        dict(temperature=0),
        dict(temperature=0.0, top_k=5, top_p=0.5),
        dict(top_k=1),
        dict(greedy_from_codebook=0),
        dict(generation_config=GenerationConfig(do_sample=False)),
        dict(generation_config=GenerationConfig(temperature=0.0)),
    ):
        assert torch.equal(model.generate(IDS, MASK, **settings), greedy), settings


def test_latent_head_takes_the_nearest_entries_until_asked_to_sample():
    model = tiny_model()
    nearest = model.generate(IDS, MASK)
    assert torch.equal(nearest, model.generate(IDS, MASK))
    assert torch.equal(nearest, model.generate(IDS, MASK, generation_config=model.generation_config))
    for settings in (
        dict(do_sample=True),
        dict(temperature=1.5),
        dict(top_k=8),
        dict(top_p=0.95),
        dict(generation_config=GenerationConfig(do_sample=True, temperature=1.5)),
    ):
        sampled = model.generate(IDS, MASK, generator=seeded(), **settings)
        assert not torch.equal(sampled, nearest), settings
        assert torch.equal(sampled, model.generate(IDS, MASK, generator=seeded(), **settings))


@pytest.mark.parametrize("head", HEADS)
def test_codebooks_can_be_greedy_from_one_on(head):
    """Those below are sampled; with one chain of equal lower codes the greedy ones follow from them."""
    model = tiny_model(codebook_head=head)
    samples = [
        model.generate(IDS, MASK, temperature=2.0, greedy_from_codebook=1, sharpness=0, generator=seeded(seed))
        for seed in range(3)
    ]
    assert not torch.equal(samples[0][:, 0], samples[1][:, 0])
    # There the other codebooks do not depend on the first one.
    if head != "depth":
        assert torch.equal(samples[0][:, 1:], samples[1][:, 1:])
    for sample in samples:
        mask = sample[:, 0] >= 0
        states = model(IDS, MASK, num_frames=mask.sum(-1)).last_hidden_state
        codes = sample.transpose(1, 2)[mask]
        best = model.head.logits(states[mask], codes).argmax(-1)
        assert torch.equal(best[:, 1:], codes[:, 1:])


def test_temperature_top_k_and_top_p_restrict_what_is_drawn():
    model = tiny_model(codebook_head="parallel")
    ids = torch.full((1, 3), 4)

    def drawn(**settings):
        codes = [model.generate(ids, num_frames=1, generator=seeded(seed), **settings) for seed in range(30)]
        return {int(code[0, 0, 0]) for code in codes}

    logits = model.head.logits(model(ids, num_frames=1).last_hidden_state[0], torch.zeros(1, 5).long())[0, 0]
    ranked = logits.argsort(descending=True).tolist()
    assert drawn(top_k=2, temperature=5.0) == set(ranked[:2])
    assert drawn(top_p=1e-6, temperature=5.0) == {ranked[0]}
    assert drawn(temperature=1e-4) == {ranked[0]}
    assert len(drawn(temperature=5.0, top_k=0)) > 4


# -- defaults -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", HEADS)
def test_defaults_are_saved_loaded_and_overridden(head, tmp_path):
    model = tiny_model(codebook_head=head)
    defaults = model.generation_config
    assert (defaults.do_sample, defaults.temperature, defaults.top_k, defaults.top_p) == (True, 0.8, 50, None)
    assert defaults.frames_per_character == 3.0
    assert defaults.greedy_from_codebook == (0 if head == "latent" else 5)
    model.save_pretrained(tmp_path)
    loaded = TtsTrmModel.from_pretrained(tmp_path).eval()
    assert loaded.generation_config.to_diff_dict() == defaults.to_diff_dict()
    assert torch.equal(loaded.generate(IDS, MASK, generator=seeded()), model.generate(IDS, MASK, generator=seeded()))
    explicit = model.generate(
        IDS, MASK, generator=seeded(), do_sample=True, temperature=0.8, top_k=50, greedy_from_codebook=5
    )
    assert torch.equal(explicit, model.generate(IDS, MASK, generator=seeded())) == (head != "latent")


def test_generation_config_of_the_checkpoint_is_respected(tmp_path):
    model = tiny_model(codebook_head="depth", alignment="none")
    model.generation_config.update(top_k=1, frames_per_character=1.0)
    model.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "generation_config.json").read_text())["frames_per_character"] == 1.0
    loaded = TtsTrmModel.from_pretrained(tmp_path).eval()
    assert torch.equal(loaded.generate(IDS, MASK), loaded.generate(IDS, MASK, do_sample=False))
    assert lengths_of(loaded.generate(IDS, MASK)) == [6, 3]
    # And the caller has the last word.
    assert not torch.equal(
        loaded.generate(IDS, MASK, top_k=50, generator=seeded()), loaded.generate(IDS, MASK, do_sample=False)
    )
    assert lengths_of(loaded.generate(IDS, MASK, frames_per_character=2.0)) == [12, 6]


def test_settings_of_ours_work_where_the_checkpoint_has_none(tmp_path):
    model = tiny_model(codebook_head="depth", alignment="none")
    model.save_pretrained(tmp_path)
    (tmp_path / "generation_config.json").unlink()
    loaded = TtsTrmModel.from_pretrained(tmp_path).eval()
    assert lengths_of(loaded.generate(IDS, MASK)) == [18, 9]
    greedy = loaded.generate(IDS, MASK, do_sample=True, greedy_from_codebook=0, frames_per_character=2.0)
    assert torch.equal(greedy, model.generate(IDS, MASK, do_sample=False, frames_per_character=2.0))


@pytest.mark.parametrize("head", HEADS)
def test_what_the_pipeline_passes_is_tolerated_without_a_warning(head, caplog):
    model = tiny_model(codebook_head=head)
    # Or an earlier test may have used up the warning.
    transformers_logging.warning_once.cache_clear()
    with caplog.at_level(logging.WARNING):
        logging.getLogger("transformers").propagate = True
        try:
            output = model.generate(
                IDS,
                attention_mask=MASK,
                speaker_id=torch.tensor([0, 1]),
                max_new_tokens=1,
                pad_token_id=0,
                return_dict_in_generate=True,
                temperature=0,
                top_k=5,
            )
            model.generate(IDS, MASK, do_sample=False)
            model.generate(IDS, MASK)
        finally:
            logging.getLogger("transformers").propagate = False
    assert output.lengths.max() > 1
    assert caplog.text == ""


# -- bad input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, named",
    [
        (dict(temprature=0.5), "does not know temprature"),
        (dict(speaking_rate=2.0), r"does not know speaking_rate\. Use speed\."),
        (dict(seed=1), r"Use torch\.manual_seed"),
        (dict(speed=0.2), r"speed=0\.2 is outside 0\.25\.\.4\.0"),
        (dict(speed=5.0), r"speed=5\.0 is outside"),
        (dict(speed=2.0, num_frames=4), "num_frames and speed=2.0"),
        (dict(num_frames=0), r"num_frames=\[0, 0\] must be at least 1"),
        (dict(num_frames=49), "49 frames long, over max_audio_frames=48; split the text or ask for fewer"),
        (dict(num_frames=[1, 2, 3]), r"num_frames=\[1, 2, 3\] must be one integer, or one for each of the 2"),
        (dict(num_frames=4.5), r"num_frames=\[4\.5\] must be one integer"),
        (dict(speaker_id=3), r"outside 0\.\.2"),
        (dict(h_cycles=0), "h_cycles=0 must be at least 1"),
        (dict(sharpness=1.5), r"sharpness=1\.5 is outside 0\.\.1"),
        (dict(do_sample=True, temperature=-1.0), "temperature"),
        (dict(do_sample=True, top_p=1.5), "top_p"),
        (dict(do_sample=True, top_k=-1), "top_k"),
    ],
)
def test_unfit_settings_are_refused_by_value(settings, named):
    with pytest.raises(ValueError, match=named):
        tiny_model().generate(IDS, MASK, **settings)


def test_settings_of_token_by_token_models_are_named_and_change_nothing():
    model = tiny_model()
    with pytest.warns(UserWarning, match="max_new_tokens, num_beams changes nothing"):
        codes = model.generate(IDS, MASK, do_sample=False, max_new_tokens=1, num_beams=4)
    assert torch.equal(codes, model.generate(IDS, MASK, do_sample=False))


def test_speech_over_the_limit_is_refused_not_cut():
    model = tiny_model()
    model.upsampler.duration.bias.data.fill_(30.0)
    with pytest.raises(ValueError, match="over max_audio_frames=48"):
        model.generate(IDS, MASK)


def test_blended_speakers():
    model = tiny_model(num_speakers=3).eval()
    model.head.latent_gain.uniform_(1, 2)
    ids = torch.randint(3, model.config.vocab_size, (2, 7), generator=torch.Generator().manual_seed(0))
    plain = model.generate(ids, speaker_id=torch.tensor([0, 2]), num_frames=6)
    certain = torch.tensor([[1.0, 0, 0], [0, 0, 1]])
    assert torch.equal(model.generate(ids, speaker_id=certain, num_frames=6), plain)
    both = torch.tensor([[0.5, 0, 0.5]] * 2)
    rows = model.text_encoder.speaker_embedding.weight
    blended = model.text_encoder(ids, torch.ones_like(ids), both)
    with torch.no_grad():
        rows[1] = (rows[0] + rows[2]) / 2
    torch.testing.assert_close(blended, model.text_encoder(ids, torch.ones_like(ids), torch.tensor([1, 1])))
    with pytest.raises(ValueError, match=r"must be \[batch, num_speakers\] \(2, 3\), got \(1, 3\)"):
        model.generate(ids, speaker_id=both[:1])
    with pytest.raises(ValueError, match="must be positive and sum to 1"):
        model.generate(ids, speaker_id=both * 2)
