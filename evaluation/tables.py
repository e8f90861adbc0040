"""The measures of a voice as tables in Markdown."""

# Of the table: heading, number of decimals, factor.
COLUMNS = {
    "word_error_rate": ("WER %", 1, 100),
    "character_error_rate": ("CER %", 1, 100),
    "dnsmos_overall": ("DNSMOS", 2, 1),
    "dnsmos_p808": ("P.808", 2, 1),
    "voiced_share": ("voiced %", 1, 100),
    "f0_error_cents": ("F0 cents", 0, 1),
    "harmonics_difference": ("HNR dB", 1, 1),
    "mel_cepstral_distance": ("MCD dB", 2, 1),
    "log_f0_correlation": ("log F0 correlation", 2, 1),
    "voicing_error": ("voicing error %", 1, 100),
    "length_ratio": ("length", 2, 1),
    "speaker_similarity": ("similarity", 3, 1),
    "seconds_per_audio_second": ("s per s", 3, 1),
}


def table_rows(systems: dict[str, dict]) -> list[list[str]]:
    """The measures of all systems, the headings first; `-` where there is none."""
    rows = [["", *(heading for heading, _, _ in COLUMNS.values())]]
    for system, measures in systems.items():
        cells = []
        for name, (_, decimals, factor) in COLUMNS.items():
            value, interval = measures.get(name), measures.get(f"{name.removesuffix('_rate')}_interval")
            cells.append("-" if value is None else f"{value * factor:.{decimals}f}")
            if interval:
                cells[-1] += " ({:.0f}-{:.0f})".format(*(factor * bound for bound in interval))
        rows.append([system, *cells])
    return rows


def table(systems: dict[str, dict]) -> str:
    """The same in Markdown."""
    heading, *rows = (f"| {' | '.join(cells)} |" for cells in table_rows(systems))
    return "\n".join([heading, "|---" * (len(COLUMNS) + 1) + "|", *rows])


def report(speaker: str, result: dict) -> str:
    """What was measured of one speaker, for people to read."""
    lines = [f"{speaker}: {result['sentences']} held-out sentences", "", table(result["systems"]), ""]
    for system, words in result["paragraph"].items():
        lines.append(
            f"{words['words']} words, {system}: {words['dropped_words']:.1%} dropped, {words['repeated_words']:.1%} "
            "repeated"
        )
    short = result["short_inputs"]
    lines.append(f"one and two words: {short['failures']:.0%} of {short['inputs']} inputs failed")
    if short.get("recordings", {}).get("inputs"):
        cut = short["recordings"]
        lines.append(f"the same cut out of recordings: {cut['failures']:.0%} of {cut['inputs']} not heard")
    if result["refused"]:
        lines.append(f"refused: {len(result['refused'])} sentences")
    if result["codebooks"]:
        entropy, accuracy = result["codebooks"]["cross_entropy"], result["codebooks"]["accuracy"]
        shown = sorted({0, 1, 3, 7, 15, 31} & set(range(len(entropy))))
        levels = ", ".join(f"{level}: {entropy[level]:.2f} ({accuracy[level]:.1%})" for level in shown)
        lines.append(f"codebooks, cross-entropy and accuracy: {levels}; durations {result['codebooks']['durations']}")
    return "\n".join(lines) + "\n"
